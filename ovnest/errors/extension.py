"""Refusals of extensions."""

from ovnest.errors.http import HTTPNotFound


class ExtensionNotFound(HTTPNotFound):
    """There is no extension of that alias, or it is not served."""

    neutron_type = "HTTPNotFound"
    template = "Extension with alias {alias} does not exist"
