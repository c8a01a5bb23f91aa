"""What changed between two releases of questions, as `diff` prints it."""

from collections import Counter

from alignbench.terminal.output import one_line, print_json, print_table, say


def show_question_difference(old: str, new: str, limit: int, *, as_json: bool) -> None:
    """Prints what changed between two releases of questions.

    Args:
        old: A release's address.
        new: Another one's.
        limit: Changes of each table and kind to list.
        as_json: Whether one JSON document is printed, with all of them.
    """
    from alignbench.release.questions.diff import RowChange, diff_question_releases

    found = diff_question_releases(old, new)
    if as_json:
        print_json(
            {
                "rows": found.rows,
                "counts": [[*key, number] for key, number in found.counts.items()],
                "columns": [[*key, number] for key, number in found.columns.items()],
                "changes": [change._asdict() for change in found.changes],
            }
        )
        return
    print_table(
        ["table", "before", "after", *RowChange],
        [
            (name, was, now, *(found.counts.get((name, kind), 0) for kind in RowChange))
            for name, (was, now) in found.rows.items()
        ],
    )
    for (table, column), number in found.columns.items():
        say(f"{number:,} in {column} of {table}")
    shown: Counter[tuple[str, str]] = Counter()
    for change in found.changes:
        shown[change.table, change.kind] += 1
        if shown[change.table, change.kind] <= limit:
            values = f"{one_line(change.old)} -> {one_line(change.new)}"
            what = f" {change.column}: {values}" if change.column else ""
            say(f"{change.kind}: {change.table} {one_line(' '.join(change.key))}{what}")
    say(f"diff: changed rows: {sum(found.counts.values()):,}")
