"""ovnest port why: what it says, of whatever the server says."""

from ovnest.cli.port import ADVICE, advice_for
from ovnest.operations.steps import plugged


def test_there_is_advice_for_every_reason() -> None:
    reasons = {
        value
        for name, value in vars(plugged).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str)
    }
    assert reasons == ADVICE.keys()
    port = {"id": "the-port", "name": "", "binding:profile": {"parent_name": "the-parent"}}
    for reason in reasons:
        assert "{" not in advice_for(port, reason)
        assert len(advice_for(port, f"{reason}: more")) > 40
    assert "something-new: x" in advice_for(port, "something-new: x")
