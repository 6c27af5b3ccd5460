from chainnode.driver.verified import VerifiedCache


def test_only_what_was_added_is_remembered() -> None:
    cache = VerifiedCache(entries_max=4)
    cache.add((b"key", b"signature", b"content"))

    assert (b"key", b"signature", b"content") in cache
    assert (b"key", b"signature", b"other") not in cache
    assert (b"key", b"other", b"content") not in cache
    assert (b"other", b"signature", b"content") not in cache


def test_the_least_recently_used_entry_goes_first() -> None:
    cache = VerifiedCache(entries_max=2)
    cache.add((b"1",))
    cache.add((b"2",))
    assert (b"1",) in cache
    cache.add((b"3",))

    assert (b"1",) in cache
    assert (b"2",) not in cache
