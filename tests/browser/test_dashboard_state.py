"""What the dashboard's script makes of the socket's messages: the state as a value, without a page or a socket."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.databases import ROOT

pytestmark = pytest.mark.browser

SITE = "http://modules.test"


@pytest.fixture(scope="module")
def modules(browser: Browser) -> Iterator[Page]:
    """A blank page that can import the modules of static/js."""

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix(SITE)
        if path == "/":
            route.fulfill(body="<!doctype html>", content_type="text/html")
        else:
            route.fulfill(path=ROOT / "static" / path.lstrip("/"), content_type="text/javascript")

    page = browser.new_page()
    page.route(f"{SITE}/**", serve)
    page.goto(f"{SITE}/")
    yield page
    page.close()


def reduce(page: Page, snapshot: dict[str, Any], *messages: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The state after the messages, and what each of them did."""
    state, effects = page.evaluate(
        """async ([snapshot, messages]) => {
          const { apply, fromSnapshot } = await import('/js/dashboard_state.js');
          let state = fromSnapshot(snapshot);
          const before = JSON.stringify(state);
          const first = state;
          const effects = [];
          for (const message of messages) {
            const next = apply(state, message);
            effects.push(next.effect);
            state = next.state;
          }
          if (JSON.stringify(first) !== before) throw new Error('a state was changed in place');
          return [state, effects];
        }""",
        [snapshot, list(messages)],
    )
    return state, effects


def today(sales: int = 0) -> dict[str, Any]:
    return {"sales": sales, "by_terminal": {}, "by_hour": []}


def snapshot(cursor: int, *sequences: int, sales: int = 0) -> dict[str, Any]:
    return {
        "type": "snapshot",
        "cursor": cursor,
        "today": today(sales),
        "recent": [{"id": f"T{sequence}", "sequence": sequence} for sequence in sequences],
        "terminals": [{"id": "a", "name": "A", "state": "offline"}],
        "merchant": {"name": "M", "currency": "CNY", "time_zone": "Asia/Shanghai"},
    }


def event(cursor: int, sales: int = 0) -> dict[str, Any]:
    return {
        "type": "transaction",
        "cursor": cursor,
        "transaction": {"id": f"T{cursor}", "sequence": cursor},
        "today": today(sales),
    }


def ids(state: dict[str, Any]) -> list[str]:
    return [row["id"] for row in state["recent"]]


def test_applying_events_reaches_the_state_of_a_reload(modules: Page) -> None:
    by_events, effects = reduce(modules, snapshot(2, 2, 1), event(3, 100), event(4, 250))
    by_reload, _ = reduce(modules, snapshot(4, 4, 3, 2, 1, sales=250))
    assert by_events == by_reload
    assert effects == ["applied", "applied"]


def test_an_event_seen_before_changes_nothing(modules: Page) -> None:
    state, effects = reduce(modules, snapshot(2, 2, 1, sales=7), event(3, 9), event(3, 99), event(1, 99))
    assert effects == ["applied", "duplicate", "duplicate"]
    assert (ids(state), state["today"]["sales"], state["cursor"]) == (["T3", "T2", "T1"], 9, 3)


def test_a_gap_is_seen_and_nothing_behind_it_is_applied(modules: Page) -> None:
    state, effects = reduce(modules, snapshot(2, 2, 1, sales=7), event(4, 99))
    assert effects == ["gap"]
    assert (state["cursor"], ids(state), state["today"]["sales"]) == (2, ["T2", "T1"], 7)


def test_after_a_gap_the_replay_brings_everything(modules: Page) -> None:
    state, effects = reduce(modules, snapshot(2, 2, 1), event(4), snapshot(2, 2, 1), event(3), event(4, 30))
    assert effects == ["gap", "applied", "applied", "applied"]
    assert (state["cursor"], ids(state), state["today"]["sales"]) == (4, ["T4", "T3", "T2", "T1"], 30)


def test_the_feed_holds_as_many_as_a_snapshot_has(modules: Page) -> None:
    state, _ = reduce(modules, snapshot(0), *(event(cursor) for cursor in range(1, 61)))
    assert ids(state) == [f"T{cursor}" for cursor in range(60, 10, -1)]


def test_a_terminal_comes_goes_and_appears_without_moving_the_cursor(modules: Page) -> None:
    def terminal(name: str, state: str) -> dict[str, Any]:
        return {"type": "terminal", "cursor": 9, "terminal": {"id": name.lower(), "name": name, "state": state}}

    state, effects = reduce(modules, snapshot(2), terminal("A", "online"), terminal("B", "pending"), event(3))
    assert effects == ["applied"] * 3
    assert [(one["name"], one["state"]) for one in state["terminals"]] == [("A", "online"), ("B", "pending")]


def test_a_message_of_a_later_version_is_ignored(modules: Page) -> None:
    before, _ = reduce(modules, snapshot(2, 2))
    after, effects = reduce(modules, snapshot(2, 2), {"type": "weather"})
    assert (after, effects) == (before, ["unknown"])


def test_terminals_stand_by_what_they_sold_and_revoked_ones_only_if_they_did(modules: Page) -> None:
    def line(name: str, state: str) -> dict[str, str]:
        return {"id": name, "name": name, "state": state}

    given = snapshot(1)
    given["terminals"] = [line("a", "online"), line("b", "revoked"), line("c", "revoked"), line("d", "offline")]
    given["today"]["by_terminal"] = {
        "b": {"name": "b", "sales": 5, "count": 1, "fees": 0},
        "d": {"name": "d", "sales": 9, "count": 2, "fees": 1},
    }
    lines = modules.evaluate(
        """async (snapshot) => {
          const { fromSnapshot, terminalLines } = await import('/js/dashboard_state.js');
          return terminalLines(fromSnapshot(snapshot)).map(({ name, sales, state }) => [name, sales, state]);
        }""",
        given,
    )
    assert lines == [["d", 9, "offline"], ["b", 5, "revoked"], ["a", 0, "online"]]


def test_the_wait_before_a_new_try_doubles_up_to_its_limit_and_is_spread(modules: Page) -> None:
    waits = modules.evaluate(
        """async () => {
          const { retryDelay } = await import('/js/dashboard_socket.js');
          return [1, 2, 3, 20, 1000].map((attempt) => [retryDelay(attempt, 0), retryDelay(attempt, 1)]);
        }"""
    )
    assert waits == [[0, 1_000], [0, 2_000], [0, 4_000], [0, 30_000], [0, 30_000]]
