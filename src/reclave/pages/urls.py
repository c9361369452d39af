"""Where each page lives: one table for routes, links and mail."""

from urllib.parse import quote, urlencode, urlsplit

from reclave.domain.portal import Portal

PATHS = {
    "front": "/",
    "sign_in": "/ingresar",
    "sign_out": "/salir",
    "recover": "/recuperar",
    "recover_sent": "/recuperar/enviada",
    "recover_code": "/recuperar/codigo",
    "reset": "/cambiar",
    "user_names": "/usuario",
    "user_names_sent": "/usuario/enviado",
    "details": "/registro",
    "details_code": "/registro/codigo",
    "accessibility": "/accesibilidad",
    "account": "/cuenta",
    "change_password": "/cuenta/contrasena",
    "change_address": "/cuenta/correo",
    "change_address_code": "/cuenta/correo/codigo",
    "end_session": "/cuenta/sesiones/cerrar",
    "end_other_sessions": "/cuenta/sesiones/cerrar-otras",
    "report": "/no-fui-yo",
    "report_done": "/no-fui-yo/listo",
}
REPORT_LINK = "/no-fui-yo/{token}"
RESET_LINK = "/cambiar/{token}"


def path_of(portal: Portal, name: str) -> str:
    """A page's path within its portal: without a front page of its own, a portal's root is its sign-in page."""
    return "/" if name == "sign_in" and not portal.file.portal.front_page else PATHS[name]


def page_path(portal: Portal, name: str, **query: str) -> str:
    """A page's path on its host, with a query where values are given."""
    path = portal.file.portal.path + path_of(portal, name)
    return f"{path}?{urlencode(query)}" if query else path


def portal_origin(portal: Portal, base_url: str) -> str:
    """The origin that people reach the portal under: its own host, else the configured base URL's (S32)."""
    scheme, netloc = urlsplit(base_url)[:2]
    return f"{scheme}://{portal.file.portal.host or netloc}"


def page_url(portal: Portal, base_url: str, name: str) -> str:
    """A page's whole URL for mail, from configuration alone (invariant 7)."""
    return portal_origin(portal, base_url) + page_path(portal, name)


def report_url(portal: Portal, base_url: str, token: str) -> str:
    """The whole URL behind «No fui yo»."""
    return _link_url(portal, base_url, REPORT_LINK, token)


def reset_url(portal: Portal, base_url: str, token: str) -> str:
    """The whole URL behind «Cambiar contraseña»."""
    return _link_url(portal, base_url, RESET_LINK, token)


def _link_url(portal: Portal, base_url: str, link: str, token: str) -> str:
    path = link.format(token=quote(token, safe=""))
    return portal_origin(portal, base_url) + portal.file.portal.path + path
