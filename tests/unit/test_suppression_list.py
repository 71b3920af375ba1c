"""The list of suppressed people: it is searched and changed like a set, and stays sorted."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.email_address import email_hash
from shared.domain.suppression import amend_suppressed, count_suppressed, is_suppressed

ADA, BEN = email_hash("ada@example.com"), email_hash("ben@example.com")
few_hashes = st.sets(st.sampled_from([email_hash(f"p{number}@example.com") for number in range(12)]))


def lines(listed: bytes) -> list[str]:
    return listed.decode().split()


def test_the_hash_of_an_address_is_the_one_that_others_make_of_it():
    assert ADA == "b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72"


def test_an_empty_list_holds_nobody():
    assert not is_suppressed(b"", ADA)
    assert count_suppressed(b"") == 0


def test_who_was_added_is_on_the_list_until_removed():
    listed = amend_suppressed(b"", add=[ADA, BEN])
    assert (count_suppressed(listed), is_suppressed(listed, ADA), is_suppressed(listed, BEN)) == (
        2,
        True,
        True,
    )
    listed = amend_suppressed(listed, remove=[ADA])
    assert (lines(listed), is_suppressed(listed, ADA)) == ([BEN], False)


def test_who_is_to_be_added_and_removed_is_removed():
    assert amend_suppressed(amend_suppressed(b"", add=[ADA]), add=[ADA, BEN], remove=[ADA]) == (
        BEN.encode() + b"\n"
    )


@given(st.lists(st.tuples(few_hashes, few_hashes), max_size=6))
def test_a_list_changes_as_a_set_does_and_stays_sorted(changes):
    listed, expected = b"", set()
    for add, remove in changes:
        listed = amend_suppressed(listed, add=add, remove=remove)
        expected = (expected | add) - remove
        assert lines(listed) == sorted(expected)
        assert all(is_suppressed(listed, each) == (each in expected) for each in add | remove)
