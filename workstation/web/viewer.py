"""``/viewer``: the viewer on a page of its own, for a second screen."""

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dicom_node.errors import NotFound as ObjectNotFound
from plugins.nouns import Text
from viewers import entries_of
from viewers import page as viewer_page
from workstation import access
from workstation.consult import case as cases
from workstation.context import Context
from workstation.errors import Conflict, NotAllowed, NotFound
from workstation.roles import Principal
from workstation.web.pages import page

__all__ = ["Viewer"]

NOT_FOUND = Text("Không tìm thấy", "Not found")
NOT_FOUND_TEXT = Text(
    "Không có ca hoặc lần chụp này, hoặc bạn không được xem.",
    "There is no such case or study, or you may not see it.",
)


class Viewer:
    """Shows ``?case=ID``, ``?study=UID`` or both; what the caller may not see is not there.

    ``&show=slide`` or ``&show=radiology`` chooses between slides and images where there are both.
    """

    def __init__(self, context: Context) -> None:
        self.context = context

    async def respond(self, request: Request) -> Response:
        principal: Principal = request.state.principal
        case_id = request.query_params.get("case", "")
        study_instance_uid = request.query_params.get("study", "")
        base_path = self.context.settings.base_path
        language = principal.language
        try:
            shown, entries = await anyio.to_thread.run_sync(
                self.shown, principal, case_id, study_instance_uid
            )
        except (NotFound, NotAllowed, Conflict, ObjectNotFound):
            content = (
                f"<h1>{NOT_FOUND.in_language(language)}</h1>"
                f"<p>{NOT_FOUND_TEXT.in_language(language)}</p>"
            )
            return page(NOT_FOUND, content, language=language, base_path=base_path, status=404)
        data = {
            "base": base_path,
            "language": language,
            "theme": "dark",
            "user": {
                "username": principal.username,
                "name": principal.name,
                "site": principal.site,
            },
            "standalone": True,
            **shown,
        }
        # The title stays in the browser's history: it names no patient.
        chosen = request.query_params.get("show", "")
        body = viewer_page(chosen if chosen in entries else entries[0], data, "Hội chẩn")
        guard = (
            f'<script src="{base_path}/session/guard.js" data-base="{base_path}" '
            f'data-language="{language}" defer></script></head>'
        )
        return HTMLResponse(
            body.replace("</head>", guard, 1), headers={"cache-control": "no-store"}
        )

    def shown(
        self, principal: Principal, case_id: str, study_instance_uid: str
    ) -> tuple[dict[str, object], list[str]]:
        """What the viewer is told to show, and which viewers can.

        Raises
        ------
        NotFound, ObjectNotFound
            The principal may not see it, or there is nothing.
        """
        studies = [study_instance_uid] if study_instance_uid else []
        permissions: list[str] = []
        if case_id:
            record = cases.get(self.context, principal, case_id)
            access.require(principal, access.Action.SEE, record)
            permissions = list(access.permissions(principal, record))
            studies = studies or list(record.study_instance_uids)
        if not studies:
            raise NotFound("not_found", NOT_FOUND.vi, NOT_FOUND.en)
        held = [
            self.context.archive.study(uid, scope=access.read_scope(self.context, principal, uid))
            for uid in studies
        ]
        told: dict[str, object] = {
            "case_id": case_id,
            "study_instance_uids": studies,
            "permissions": permissions,
        }
        return told, entries_of(one for study in held for one in study.modalities)
