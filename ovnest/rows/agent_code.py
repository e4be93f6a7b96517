"""Agent codes: a document row for each parent or chassis whose agent was given one."""

from collections.abc import Mapping

from msgspec import Struct

from ovnest.codec import decode_json, plain, read_number
from ovnest.northbound.names import document_uuid
from ovnest.northbound.tables import Document, LogicalSwitchPort
from ovnest.ovsdb import RowUuid
from ovnest.resources.agent_code import AgentCode, Plugged
from ovnest.rows.document import document_home
from ovnest.rows.home import DocumentKind, Facts, Glance

KIND = DocumentKind(
    name="agent",
    of="the parent that an agent serves, or an agent's chassis",
    subject="What the agent of a parent port (or, in mode `overlay`, of a chassis) may do, and what it last "
    "said",
    codec=plain(AgentCode, without=("id",), spread=("plugged",)),
)


class AgentWord(Struct, frozen=True, kw_only=True, gc=False):
    """What the agent that has taken up a code said last, and when (Unix time)."""

    reported_at: int
    said: Mapping[str, str]

    def of(self, port_id: str) -> Plugged | None:
        """What it said of one port; read one key at a time, since there may be thousands."""
        written = self.said.get(f"plugged.{port_id}")
        try:
            return None if written is None else decode_json(written, Plugged)
        except ValueError:
            return None  # a manual edit; `ovnest check` names the row


def _word(row: Document) -> AgentWord | None:
    ids = row.external_ids
    if not ids.get("grant"):
        return None
    try:
        reported_at = read_number(ids.get("reported_at", ids.get("enrolled_at", "0")))
    except ValueError:
        return None  # likewise
    return AgentWord(reported_at=reported_at, said=ids)


def _leftover(key: str, found: AgentCode | None, facts: Facts) -> str | None:
    if found is None or found.mode != "nested":
        return None
    if facts.view.find(LogicalSwitchPort, RowUuid(key)) is not None:
        return None
    return f"the port {key} is gone"


HOME = document_home(AgentCode, KIND, leftover=_leftover)
WORD = Glance(facts=AgentWord, row=Document, read=_word, uuid=lambda key: document_uuid(KIND.name, key))
