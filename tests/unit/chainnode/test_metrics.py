from collections.abc import Iterator

from chainnode.metrics import NodeMetrics, Reading, counter, gauge


def read() -> Iterator[Reading]:
    yield gauge("height", "Height of the last block", 7)
    yield counter("refused", "What peers sent in vain", 2, where="core", reason="Malformed")
    yield counter("refused", "What peers sent in vain", 3, where="intake", reason='quo"te\n')


def test_readings_are_rendered_in_the_text_format_under_one_prefix() -> None:
    content, media_type = NodeMetrics(read).render()
    text = content.decode()
    assert media_type.startswith("text/plain")
    assert "# TYPE kunlian_height gauge\nkunlian_height 7.0\n" in text
    assert 'kunlian_refused_total{reason="Malformed",where="core"} 2.0' in text
    assert 'kunlian_refused_total{reason="quo\\"te\\n",where="intake"} 3.0' in text
    assert text.count("# TYPE kunlian_refused") == 1


def test_figures_are_read_anew_at_every_question() -> None:
    heights = iter(range(10))
    metrics = NodeMetrics(lambda: iter([gauge("height", "Height", next(heights))]))
    first, _ = metrics.render()
    second, _ = metrics.render()
    assert b"kunlian_height 0.0" in first
    assert b"kunlian_height 1.0" in second
