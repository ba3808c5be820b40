"""``/viewer``: the viewer on a page of its own, for a second screen."""

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dicom_node.errors import NotFound as ObjectNotFound
from plugins.nouns import Text
from viewers import page as viewer_page
from workstation import access
from workstation.consult import case as cases
from workstation.context import Context
from workstation.errors import NotFound
from workstation.roles import Principal
from workstation.web.pages import page

__all__ = ["Viewer"]

NOT_FOUND = Text("Không tìm thấy", "Not found")
NOT_FOUND_TEXT = Text(
    "Không có ca hoặc lần chụp này, hoặc bạn không được xem.",
    "There is no such case or study, or you may not see it.",
)


class Viewer:
    """Shows ``?case=ID``, ``?study=UID`` or both; what the caller may not see is not there."""

    def __init__(self, context: Context) -> None:
        self.context = context

    async def respond(self, request: Request) -> Response:
        principal: Principal = request.state.principal
        case_id = request.query_params.get("case", "")
        study_instance_uid = request.query_params.get("study", "")
        base_path = self.context.settings.base_path
        language = principal.language
        try:
            await anyio.to_thread.run_sync(self.check, principal, case_id, study_instance_uid)
        except (NotFound, ObjectNotFound):
            content = (
                f"<h1>{NOT_FOUND.in_language(language)}</h1>"
                f"<p>{NOT_FOUND_TEXT.in_language(language)}</p>"
            )
            return page(NOT_FOUND, content, language=language, base_path=base_path, status=404)
        data = {
            "base": base_path,
            "language": language,
            "theme": "dark",
            "case_id": case_id,
            **({"study_instance_uids": [study_instance_uid]} if study_instance_uid else {}),
            # without a case there is nothing to draw on
            **({} if case_id else {"permissions": []}),
        }
        # The title stays in the browser's history: it names no patient.
        body = viewer_page("radiology", data, "Hội chẩn")
        guard = (
            f'<script src="{base_path}/session/guard.js" data-base="{base_path}" '
            f'data-language="{language}" defer></script></head>'
        )
        return HTMLResponse(
            body.replace("</head>", guard, 1), headers={"cache-control": "no-store"}
        )

    def check(self, principal: Principal, case_id: str, study_instance_uid: str) -> None:
        """Pass when the principal may see both.

        Raises
        ------
        NotFound, ObjectNotFound
        """
        if not case_id and not study_instance_uid:
            raise NotFound("not_found", NOT_FOUND.vi, NOT_FOUND.en)
        if case_id:
            access.require(
                principal, access.Action.SEE, cases.get(self.context, principal, case_id)
            )
        if study_instance_uid:
            scope = access.read_scope(self.context, principal, study_instance_uid)
            self.context.archive.study(study_instance_uid, scope=scope)
