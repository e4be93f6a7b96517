"""What a server needs to serve agents: key ring, certificate, where agents are to go, and the chassis' CA."""

import logging
from ipaddress import ip_address
from pathlib import Path

from ovnest.api.tls import ServerTls, certificates, last_certificate
from ovnest.caller import Agent
from ovnest.config import BadSetting, Settings
from ovnest.errors.agent_code import NoAgents
from ovnest.errors.chassis import NoChassisCa
from ovnest.identity.agent_token import issue_code, issue_credential
from ovnest.identity.chassis_ca import ChassisCa
from ovnest.identity.key_ring import KeyRing, KeyRingFile
from ovnest.operations.agent_code import CREDENTIAL_S
from ovnest.resources.agent_code import AgentCode, CertificateAnswer

_log = logging.getLogger(__name__)


class Agents:
    """Signs agents' codes and credentials, as the settings say. Follows the files when they change."""

    def __init__(self, settings: Settings, address: tuple[str, int] | None = None) -> None:
        """`address` is where this server listens for agents, if it does.

        Raises:
            BadSetting: a file is missing or refused, or --agent-listen lacks what it needs.
        """
        check_agent_settings(settings)
        self._settings = settings
        self._address = address
        self._keys = KeyRingFile(Path(settings.agent_keys)) if settings.agent_keys else None
        self._chassis_ca: ChassisCa | None = None
        if settings.chassis_ca_cert:
            self._chassis_ca = ChassisCa(Path(settings.chassis_ca_cert), Path(settings.chassis_ca_key))
        self.tls: ServerTls | None = None
        if settings.agent_listen:
            self.tls = ServerTls(Path(settings.tls_cert), Path(settings.tls_key))

    @property
    def ring(self) -> KeyRing:
        """The keys in force.

        Raises:
            NoAgents: this server has none.
        """
        if self._keys is None:
            raise NoAgents(reason="it was started without --agent-keys")
        return self._keys.ring

    def reload_if_changed(self) -> None:
        """Take changed files into force; what cannot be used is logged, and the old stays where it is."""
        for what in (self._keys, self.tls):
            try:
                if what is not None and what.reload_if_changed():
                    _log.warning("read again what=%s", type(what).__name__)
            except BadSetting as error:
                _log.error("refused, the old one stays in force: %s", error)

    def require(self) -> None:
        """Whether this server can make codes.

        Raises:
            NoAgents: it has nothing to sign with, or cannot say where agents are to go or whom to trust.
        """
        issue_code(self.ring, Agent(mode="nested", subject="", grant=""), url=self.url(), ca=self.ca())

    def issue(self, facts: AgentCode) -> str:
        """The code of a permission that waits.

        Raises:
            NoAgents: this server cannot say where agents are to go, or whom they are to trust there.
        """
        agent = Agent(mode=facts.mode, subject=facts.id, grant=facts.code, expires=facts.code_expires)
        return issue_code(self.ring, agent, url=self.url(), ca=self.ca())

    def credential(self, grant: AgentCode) -> tuple[str, int]:
        """The credential of a permission that was taken up, and until when it is good."""
        # From the time of the renewal, not from now: the same renewal asked for again gets the same answer.
        expires = grant.renewed_at + CREDENTIAL_S
        agent = Agent(
            mode=grant.mode,
            subject=grant.id,
            grant=grant.grant,
            generation=grant.generation,
            expires=expires,
        )
        return issue_credential(self.ring, agent), expires

    async def certify(self, request: str, name: str) -> CertificateAnswer:
        """A certificate for the chassis `name`, and the CA by which it is to know the Southbound.

        Raises:
            NoChassisCa: this server has no CA.
            CertificateRequestRefused, CertificateNotSigned: see `ChassisCa.sign`.
        """
        if self._chassis_ca is None:
            raise NoChassisCa()
        # Who signed the databases' certificates is what this server itself goes by, if it is told.
        trusted = self._settings.ca_cert or self._settings.chassis_ca_cert
        signed = await self._chassis_ca.sign(request, name)
        return CertificateAnswer(
            certificate=signed.pem,
            ca=certificates(Path(trusted)),
            not_before=signed.not_before,
            not_after=signed.not_after,
        )

    def url(self) -> str:
        """Where agents go.

        Raises:
            NoAgents: neither --agent-url nor --agent-listen says.
        """
        if self._settings.agent_url:
            return self._settings.agent_url.rstrip("/")
        if self._address is None:
            raise NoAgents(reason="it listens for no agents, and --agent-url does not say who does")
        host, port = self._address
        if ip_address(host).is_unspecified:
            raise NoAgents(reason="it listens for agents on every address; say by --agent-url which to use")
        return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"

    def ca(self) -> str:
        """The certificate (PEM) that agents are to trust.

        Raises:
            NoAgents: no setting names it, or it cannot be read.
        """
        path = self._settings.tls_ca or self._settings.tls_cert
        if not path:
            raise NoAgents(reason="neither --tls-ca nor --tls-cert says whom agents are to trust")
        try:
            return last_certificate(Path(path))
        except BadSetting as error:
            raise NoAgents(reason=error) from error


def check_agent_settings(settings: Settings) -> None:
    """Whether the settings for agents go together.

    Raises:
        BadSetting: they do not.
    """
    if settings.agent_listen.startswith("unix:"):
        raise BadSetting("--agent-listen is IP:PORT or [IP]:PORT: agents come over the network")
    if bool(settings.chassis_ca_cert) != bool(settings.chassis_ca_key):
        raise BadSetting("--chassis-ca-cert and --chassis-ca-key go together")
    for name in ("agent_keys", "tls_cert", "tls_key"):
        if settings.agent_listen and not getattr(settings, name):
            raise BadSetting(f"--agent-listen needs --{name.replace('_', '-')} as well")
    if settings.agent_url and not settings.agent_url.startswith("https://"):
        raise BadSetting(f"--agent-url {settings.agent_url}: it begins with https://")
