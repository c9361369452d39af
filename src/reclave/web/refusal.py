"""What a client reads when the server refuses it before any application runs: a page that stands alone."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TypeAlias

from reclave.web.whole import lines_of

ErrorPage: TypeAlias = Callable[[int, bytes | None, bytes | None], bytes]
"""`(status, path, accept_language) -> HTML in UTF-8`.

The path (without its query) and the Accept-Language field are as received: unchecked, perhaps cut short,
perhaps with a token; None where none was received.
"""

_PHRASES = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Content Too Large",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}

_TEXTS = {
    400: (
        "No pudimos leer lo que envió su navegador. Vuelva a la página anterior e inténtelo otra vez.",
        "We could not read what your browser sent. Go back to the previous page and try again.",
        "Não conseguimos ler o que o seu navegador enviou. Volte à página anterior e tente outra vez.",
    ),
    408: (
        "Sus datos tardaron demasiado en llegar. Revise su conexión e inténtelo otra vez.",
        "Your data took too long to arrive. Check your connection and try again.",
        "Os seus dados demoraram demais para chegar. Verifique a sua conexão e tente outra vez.",
    ),
    413: (
        "Envió demasiados datos. Vuelva a la página anterior, escriba menos texto e inténtelo otra vez.",
        "You sent too much data. Go back to the previous page, write less text and try again.",
        "Você enviou dados demais. Volte à página anterior, escreva menos texto e tente outra vez.",
    ),
    414: (
        "La dirección de la página es demasiado larga. Cópiela otra vez, completa, del correo que recibió.",
        "The address of the page is too long. Copy it again, whole, from the e-mail that you received.",
        "O endereço da página é longo demais. Copie-o outra vez, completo, do e-mail que você recebeu.",
    ),
    431: (
        "Su navegador guarda demasiados datos de este sitio. Borre sus cookies e inténtelo otra vez.",
        "Your browser keeps too much data for this site. Delete its cookies and try again.",
        "O seu navegador guarda dados demais deste site. Apague os cookies dele e tente outra vez.",
    ),
    503: (
        "Hay muchas personas conectadas en este momento. Espere un minuto e inténtelo otra vez.",
        "Many people are connected right now. Wait a minute and try again.",
        "Há muitas pessoas conectadas neste momento. Espere um minuto e tente outra vez.",
    ),
}


def plain_page(status: int, _path: bytes | None, _accept_language: bytes | None) -> bytes:
    """Return a page in UTF-8 that says in Spanish, English and Portuguese what happened and what to do."""
    spanish, english, portuguese = _TEXTS[status]
    return (
        '<!doctype html><html lang="es"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>No pudimos atender su solicitud</title></head>"
        f"<body><main><h1>No pudimos atender su solicitud</h1><p>{spanish}</p>"
        f'<p lang="en">{english}</p><p lang="pt">{portuguese}</p></main></body></html>\n'
    ).encode()


def refusal(status: int, page: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return a final HTTP/1.1 response: `page` with `headers` and those that every refusal carries."""
    head = f"HTTP/1.1 {status} {_PHRASES[status]}\r\n".encode()
    head += lines_of(headers)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        head += b"retry-after: 60\r\n"
    return (
        head + b"content-type: text/html; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n"
        b"cache-control: no-store\r\ncontent-security-policy: default-src 'none'\r\n"
        b"x-content-type-options: nosniff\r\n\r\n%s" % (len(page), page)
    )
