from tests.story import learned, learned_written_down

__all__ = ["learned", "learned_written_down"]
