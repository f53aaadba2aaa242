"""Beginning, learning and retiring a twin."""
def test_a(story):
    print(story.film.measures, story.twin.measures)
    assert story.film.state=="ready"
def test_b(story):
    assert story.film.state=="ready"
def test_c(learned):
    assert learned.film is None
