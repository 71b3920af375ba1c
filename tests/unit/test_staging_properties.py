"""Staging, for any rows: nobody is lost, nobody is sent twice, and the ledger makes the difference."""

from collections.abc import Sequence

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.email_address import explain_email, normalise_email
from shared.pipeline.rejects import RejectReason
from tests.staging_bench import StagingBench, accepted, as_csv, refused

DUPLICATE = RejectReason.DUPLICATE

HEADER = ("EMail", "First")
FIELDS = {"FirstName": "First"}

addresses = st.one_of(
    st.sampled_from(
        ["a@example.com", "A@Example.COM", " b@example.com ", "B@example.com", "", "nobody", "@", "x@y"]
    ),
    st.integers(0, 30).map("p{}@example.com".format),
    st.text(max_size=6).filter(lambda text: not {"\r", "\0", "\n"} & set(text)),
)
names = st.text(max_size=8).filter(lambda text: not {"\r", "\0"} & set(text))
rows_of_a_file = st.lists(st.tuples(addresses, names), max_size=25)
snapshots = st.lists(rows_of_a_file, min_size=1, max_size=3)
segments = st.dictionaries(
    st.integers(0, 20).map("p{}@example.com".format), st.sampled_from("abc"), max_size=20
)


def as_files(partitions: Sequence[Sequence[tuple[str, str]]]) -> dict[str, str]:
    return {f"vip/part-{number}.csv": as_csv([HEADER, *rows]) for number, rows in enumerate(partitions)}


def as_file(people: dict[str, str]) -> dict[str, str]:
    return as_files([list(people.items())])


def expected_of(partitions):
    """The people in order, each with origin and name; and the rejects."""
    people, rejects = {}, []
    for file, rows in enumerate(partitions):
        line = 2
        for email, name in rows:
            normal = normalise_email(email)
            if normal is None:
                rejects.append((f"vip/part-{file}.csv", str(line), str(explain_email(email))))
            elif normal in people:
                rejects.append((f"vip/part-{file}.csv", str(line), DUPLICATE))
            else:
                people[normal] = ((file, line), name)
            line += 1 + name.count("\n")
    return people, rejects


@settings(max_examples=30)
@given(snapshots)
def test_every_row_is_a_person_to_send_or_a_reject(partitions):
    bench = StagingBench()
    staged = bench.stage(
        as_files(partitions), fields=FIELDS, delimiter=",", batch_size=3, batches_per_chunk=2
    )
    people, rejects = expected_of(partitions)

    found = bench.people(staged)
    assert [(person.email, person.origin) for person in found] == [
        (email, origin) for email, (origin, _) in people.items()
    ]
    assert [orjson.loads(person.body).get("FirstName", "") for person in found] == [
        name if name.strip() else "" for _, name in people.values()
    ]
    told = [(file, line, reason) for _, file, line, _, reason, _ in bench.rejects(staged)]
    assert sorted(told) == sorted(rejects)
    assert staged.counts.rows == staged.counts.profiles + len(rejects) == sum(map(len, partitions))
    assert staged.counts.profiles == staged.counts.new == len(people)
    assert sum(staged.rejected.values()) == len(rejects)


@settings(max_examples=12)
@given(st.integers(0, 40), st.integers(1, 7), st.integers(1, 4))
def test_batches_and_chunks_are_full_but_for_the_last(count, batch_size, batches_per_chunk):
    bench = StagingBench()
    staged = bench.stage(
        as_file({f"p{number}@example.com": "" for number in range(count)}),
        batch_size=batch_size,
        batches_per_chunk=batches_per_chunk,
    )
    sizes = [[len(batch) for batch in chunk] for chunk in bench.chunks(staged)]
    assert all(len(chunk) == batches_per_chunk for chunk in sizes[:-1])
    assert [size for chunk in sizes for size in chunk][:-1] == [batch_size] * (
        -(-count // batch_size) - 1 if count else 0
    )
    assert sum(map(sum, sizes)) == count


@settings(max_examples=15)
@given(before=segments, after=segments, full=st.booleans())
def test_what_is_sent_is_what_differs_from_the_ledger(before, after, full):
    bench = StagingBench()
    bench.accept(bench.people(bench.stage(as_file(before), fields=FIELDS)))
    staged = bench.stage(as_file(after), fields=FIELDS, full=full)

    new = [email for email in after if email not in before]
    changed = [email for email in after if email in before and after[email] != before[email]]
    to_send = [email for email in after if full or email in new or email in changed]
    assert [(person.email, person.joins) for person in bench.people(staged)] == [
        (email, full or email in new) for email in to_send
    ]
    assert staged.counts.profiles == len(after)
    assert staged.counts.new == len(new)
    assert staged.counts.changed == len(to_send) - len(new)
    assert staged.counts.unchanged == len(after) - len(to_send)

    bench.accept(bench.people(staged))
    again = bench.stage(as_file(after), fields=FIELDS)
    assert (again.counts.to_send, again.chunks) == (0, 0)


@settings(max_examples=15)
@given(st.data())
def test_only_those_who_were_accepted_are_not_sent_again(data):
    bench = StagingBench()
    people = as_file(data.draw(segments))
    staged = bench.people(bench.stage(people, fields=FIELDS))
    taken = data.draw(st.sets(st.sampled_from(staged)) if staged else st.just(set()))
    bench.merge(accepted(sorted(taken)), refused([person for person in staged if person not in taken]))
    again = bench.people(bench.stage(people, fields=FIELDS))
    assert [person.email for person in again] == [person.email for person in staged if person not in taken]


@settings(max_examples=15)
@given(st.data())
def test_merging_is_the_same_however_often_and_in_whatever_order_it_is_done(data):
    bench = StagingBench()
    people = bench.people(bench.stage(as_file(data.draw(segments)), fields=FIELDS))
    subsets = st.lists(st.sampled_from(people), max_size=10) if people else st.just([])
    results = [accepted(part) for part in data.draw(st.lists(subsets, max_size=3))]
    results += [refused(part) for part in data.draw(st.lists(subsets, max_size=3))]
    once = bench.merge(*results)
    ledger = bench.ledger()
    twice = bench.merge(*data.draw(st.permutations(results + results)))
    assert twice == once
    assert bench.ledger() == ledger
