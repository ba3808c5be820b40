"""The viewer's own page: for whom it opens."""

import asyncio

import pytest
from starlette.requests import Request

from plugins.nouns import State
from tests.workstation.cases import brought_to
from workstation.context import Context
from workstation.roles import Principal
from workstation.web.viewer import Viewer


@pytest.mark.parametrize("username", ["coordinator", "requester.b", "admin"])
def test_who_may_not_see_the_images_finds_nothing(
    context: Context, people: dict[str, Principal], username: str
) -> None:
    case = brought_to(context, people, State.QUEUED)
    request = Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/viewer",
            "query_string": f"case={case.id}".encode(),
            "headers": [],
            "state": {"principal": people[username]},
        }
    )
    answer = asyncio.run(Viewer(context).respond(request))
    assert answer.status_code == 404
    assert case.study_instance_uids[0].encode() not in answer.body
