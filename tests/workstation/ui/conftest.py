"""Pages run by Streamlit's own test runner, with the real domain behind them."""

from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from viewers import _component
from workstation.context import Context
from workstation.roles import Principal
from workstation.ui import parts

Render = Callable[[Context, Principal], None]
Show = Callable[..., AppTest]


def script(render, context, principal, places):  # type: ignore[no-untyped-def]
    # Streamlit runs the text of this function on its own: no name from outside exists in it.
    import streamlit as st

    from workstation.i18n import use_language

    use_language(principal.language)
    st.session_state["places"] = places
    render(context, principal)


@pytest.fixture
def show(context: Context, monkeypatch: pytest.MonkeyPatch) -> Show:
    """Run one page for one user; the bundle need not be built."""
    monkeypatch.setattr(_component, "asset", lambda entry: f"{entry}-test.js")
    # the runner knows one page; where another would open, this one ends
    monkeypatch.setattr(parts, "go", lambda address, **query: st.stop())

    def run(render: Render, principal: Principal, **query: str) -> AppTest:
        page = AppTest.from_function(
            script, default_timeout=120, args=(render, context, principal, {})
        )
        for name, value in query.items():
            page.query_params[name] = value
        return page.run()

    return run
