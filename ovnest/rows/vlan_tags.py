"""What is remembered of the VLAN tags under a parent: a document row for each parent that has had any."""

from ovnest.codec import plain
from ovnest.northbound.tables import LogicalSwitchPort
from ovnest.ovsdb import RowUuid
from ovnest.resources.vlan_tags import VlanTags
from ovnest.rows.document import document_home
from ovnest.rows.home import DocumentKind, Facts

_CODEC = plain(VlanTags, without=("id",), spread=("freed",))
_SUBJECT = "What is remembered of a parent's tags: the last one given, and when which was freed"
KIND = DocumentKind(name="vlan-tags", of="the parent of container ports", subject=_SUBJECT, codec=_CODEC)
# Until layout 2. `ovnest:tags` is also the key of a resource's tags, which are words.
FORMER = DocumentKind(name="tags", of=KIND.of, subject=_SUBJECT, codec=_CODEC)


def _leftover(key: str, found: VlanTags | None, facts: Facts) -> str | None:
    if facts.view.find(LogicalSwitchPort, RowUuid(key)) is not None:
        return None
    return f"the port {key} is gone"


HOME = document_home(VlanTags, KIND, may_be_empty=True, leftover=_leftover, former=FORMER, layout=2)
