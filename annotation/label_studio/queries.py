"""The JSON with which a listing of tasks is filtered, as the server's Data Manager takes it."""

from collections.abc import Collection
from datetime import UTC, datetime

from alignbench.annotation.label_studio.records import JsonObject


def in_order_of_id(after: int, since: datetime | None = None) -> JsonObject:
    """Returns the query for tasks with a higher id, that changed at `since` or later."""
    items = [_filter("id", "greater", "Number", after)]
    if since is not None:
        # The only form that the server reads; it answers others with 500.
        instant = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        items.append(_filter("updated_at", "greater_or_equal", "Datetime", instant))
    return {"filters": {"conjunction": "and", "items": items}, "ordering": ["tasks:id"]}


def newest_change_first() -> JsonObject:
    """Returns the query for all tasks, that changed last first."""
    return {"ordering": ["-tasks:updated_at"]}


def exactly(task_ids: Collection[int]) -> JsonObject:
    """Returns the query for these tasks."""
    return {"selectedItems": {"all": False, "included": sorted(task_ids)}}


def _filter(column: str, operator: str, kind: str, value: str | int) -> JsonObject:
    return {
        "filter": f"filter:tasks:{column}",
        "operator": operator,
        "type": kind,
        "value": value,
    }
