"""From an A-ASSOCIATE-RQ to our answer (PS3.8 9.3, PS3.7 D.3). PDUs are pynetdicom's.

Of the transfer syntaxes offered for a context we take the requestor's first that we can keep:
the order is its preference, and a sender whose first choice is granted need not re-encode.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_items import (
    ApplicationContextItem,
    AsynchronousOperationsWindowSubItem,
    ImplementationClassUIDSubItem,
    ImplementationVersionNameSubItem,
    MaximumLengthSubItem,
    PresentationContextItemAC,
    SCP_SCU_RoleSelectionSubItem,
    TransferSyntaxSubItem,
    UserInformationItem,
)

from dicom_node.contexts import NATIVE_SYNTAXES, Service, accepts_transfer_syntax, service_of
from dicom_node.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

__all__ = ["APPLICATION_CONTEXT", "Context", "Request", "accept", "read_request"]

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"

_ACCEPTED = 0
_ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
_TRANSFER_SYNTAXES_NOT_SUPPORTED = 4
# Below this a PDU holds no useful fragment; 0 means unlimited (PS3.8 D.1).
_SMALLEST_PDU = 128
_LARGEST_PDU = 131_072


@dataclass(frozen=True, slots=True)
class Context:
    """An accepted presentation context. ``as_scu``: the peer takes C-STOREs from us on it."""

    id: int
    abstract_syntax: str
    transfer_syntax: str
    service: Service
    as_scu: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """What a peer asks for, and what we grant."""

    calling_ae: str
    called_ae: str
    maximum_pdu: int  # that the peer takes
    application_context: str
    contexts: Mapping[int, Context] = field(default_factory=dict)
    refused: Mapping[int, int] = field(default_factory=dict)  # context id → result
    roles: Mapping[str, tuple[bool, bool]] = field(default_factory=dict)  # UID → SCU, SCP
    has_operations_window: bool = False


def read_request(pdu: bytes) -> Request:
    """Decode an A-ASSOCIATE-RQ and decide on each of its contexts.

    Raises
    ------
    ValueError
        It cannot be decoded.
    """
    try:
        request = A_ASSOCIATE_RQ()
        request.decode(pdu)
        user = request.user_information
        roles = {
            str(uid): (bool(item.scu_role), bool(item.scp_role))
            for uid, item in (user.role_selection if user else {}).items()
        }
        contexts: dict[int, Context] = {}
        refused: dict[int, int] = {}
        for item in request.presentation_context:
            decision = _decide(
                item.context_id,
                str(item.abstract_syntax or ""),
                [str(syntax) for syntax in item.transfer_syntax],
                roles,
            )
            if isinstance(decision, Context):
                contexts[decision.id] = decision
            else:
                refused[item.context_id] = decision
        maximum = (user.maximum_length if user else None) or _LARGEST_PDU
        return Request(
            calling_ae=request.calling_ae_title.strip(),
            called_ae=request.called_ae_title.strip(),
            maximum_pdu=min(max(maximum, _SMALLEST_PDU), _LARGEST_PDU),
            application_context=str(request.application_context_name or ""),
            contexts=contexts,
            refused=refused,
            roles={uid: role for uid, role in roles.items() if service_of(uid) is not None},
            has_operations_window=bool(user and user.async_ops_window),
        )
    except Exception as error:  # pynetdicom's decoders promise no particular one
        raise ValueError(f"the A-ASSOCIATE-RQ cannot be read: {type(error).__name__}") from error


def _decide(
    context_id: int,
    abstract_syntax: str,
    transfer_syntaxes: list[str],
    roles: Mapping[str, tuple[bool, bool]],
) -> Context | int:
    service = service_of(abstract_syntax)
    if service is None:
        return _ABSTRACT_SYNTAX_NOT_SUPPORTED
    as_scu = roles.get(abstract_syntax, (True, False))[1]
    for syntax in transfer_syntaxes:
        if accepts_transfer_syntax(service, syntax):
            return Context(context_id, abstract_syntax, syntax, service, as_scu)
    return _TRANSFER_SYNTAXES_NOT_SUPPORTED


def accept(request: Request, maximum_pdu: int, raw_ae_titles: bytes) -> bytes:
    """Return the A-ASSOCIATE-AC.

    Parameters
    ----------
    request : Request
    maximum_pdu : int
        The longest P-DATA-TF we take, in bytes.
    raw_ae_titles : bytes
        Bytes 10 to 41 of the request, to be sent back as they are (PS3.8 table 9-17).
    """
    answer = A_ASSOCIATE_AC()
    application = ApplicationContextItem()
    application.application_context_name = APPLICATION_CONTEXT
    items: list[object] = [application]
    for context in request.contexts.values():
        items.append(_context_item(context.id, _ACCEPTED, context.transfer_syntax))
    for context_id, result in request.refused.items():
        # The syntax of a refused context is not significant, but must be there.
        items.append(_context_item(context_id, result, NATIVE_SYNTAXES[1]))
    items.append(_user_information(request, maximum_pdu))
    answer.variable_items = items
    encoded: bytes = answer.encode()
    return encoded[:10] + raw_ae_titles + encoded[42:]


def _context_item(context_id: int, result: int, transfer_syntax: str) -> PresentationContextItemAC:
    item = PresentationContextItemAC()
    item.presentation_context_id = context_id
    item.result_reason = result
    syntax = TransferSyntaxSubItem()
    syntax.transfer_syntax_name = transfer_syntax
    item.transfer_syntax_sub_item = [syntax]
    return item


def _user_information(request: Request, maximum_pdu: int) -> UserInformationItem:
    maximum = MaximumLengthSubItem()
    maximum.maximum_length_received = maximum_pdu
    implementation = ImplementationClassUIDSubItem()
    implementation.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    version = ImplementationVersionNameSubItem()
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    items: list[object] = [maximum, implementation]
    if request.has_operations_window:
        window = AsynchronousOperationsWindowSubItem()
        window.maximum_number_operations_invoked = 1
        window.maximum_number_operations_performed = 1
        items.append(window)
    for uid, (scu, scp) in request.roles.items():
        role = SCP_SCU_RoleSelectionSubItem()
        role.sop_class_uid = uid
        role.scu_role, role.scp_role = int(scu), int(scp)
        items.append(role)
    items.append(version)
    user = UserInformationItem()
    user.user_data = items
    return user
