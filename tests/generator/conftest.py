from tests.story import learned, story

__all__ = ["learned", "story"]
