"""The procurement portal as its suppliers use it: pages, accounts, and the steps that more than one test takes."""

from playwright.async_api import expect

from reclave.demo.stored_message import StoredMessage
from tests.browser.person import Person
from tests.browser.service import Service
from tests.world import NEW_PASSWORD

SIGN_IN = "/compras/"
RECOVER = "/compras/recuperar"
RECOVER_SENT = "/compras/recuperar/enviada"
RESET = "/compras/cambiar"
USER_NAMES = "/compras/usuario"
USER_NAMES_SENT = "/compras/usuario/enviado"
ACCOUNT = "/compras/cuenta"
CHANGE_ADDRESS = "/compras/cuenta/correo"
CHANGE_ADDRESS_CODE = "/compras/cuenta/correo/codigo"
REPORT = "/compras/no-fui-yo"
REGISTRATION = "https://www.compras.example/registro"

USER, ADDRESS = "ferreteria.sur", "ventas@ferreteriasur.example"
STATIONER, CLEANER, GROUP = "papeleria.centro", "aseo.norte", "licitaciones@grupo.example"
DISABLED, UNKNOWN = "obra.cerrada", "nadie.aqui"

NEVER_ASKED = "Nunca le solicitaremos datos personales ni su contraseña por correo electrónico"
COOLING = "Ya lo pidió hace menos de 2 minutos, por eso no enviamos nada nuevo. El correo anterior todavía sirve."
CHANGED = "Su contraseña nueva quedó registrada. Ingrese con ella."
REFUSED = "El nombre de usuario o la contraseña no son correctos"


async def asks(person: Person, user: str = USER) -> None:
    """Open «Recuperar contraseña», type a user name, press «Enviar correo», and arrive where to wait."""
    await person.opens(RECOVER)
    await person.field("Nombre de usuario").fill(user)
    await person.presses("Enviar correo")
    await person.sees("Revise su correo electrónico")


async def asks_for_names(person: Person, address: str) -> None:
    """Open «Recuperar usuario», type an address, press «Enviar correo», and arrive where to wait."""
    await person.opens(USER_NAMES)
    await person.field("Introduzca su correo electrónico").fill(address)
    await person.presses("Enviar correo")
    await person.sees("Revise su correo electrónico")


async def signs_in(person: Person, user: str, password: str) -> None:
    """Open the portal, type both and press «Entrar»."""
    await person.opens(SIGN_IN)
    await person.field("Nombre de usuario").fill(user)
    await person.field("Contraseña").fill(password)
    await person.presses("Entrar")


async def changes(person: Person, password: str = NEW_PASSWORD, confirm: str | None = None) -> None:
    """Fill in «Cambiar contraseña» and press the button of that name."""
    await person.field("Nueva contraseña").fill(password)
    await person.field("Confirmar contraseña").fill(password if confirm is None else confirm)
    await person.presses("Cambiar contraseña")


async def types_code(person: Person, code: str) -> None:
    """Type a mail's code where the waiting page asks for it, and press «Continuar»."""
    await person.field("Código").fill(code)
    await person.presses("Continuar")


async def mail_after_asking(
    service: Service, person: Person, user: str = USER, address: str = ADDRESS
) -> StoredMessage:
    """Ask, and the first mail that the address gets."""
    await asks(person, user)
    return await service.mail(address)


async def nothing_more_is_sent(service: Service, recipient: str, count: int) -> None:
    """All that was asked for so far has been answered, and an address still has `count` mails.

    Requests are answered in their order: someone else's, made now, is the last.
    """
    others = len(service.maildrop.messages(GROUP))
    await asks(await service.person(), CLEANER)
    await service.mails(GROUP, others + 1)
    sent = len(service.maildrop.messages(recipient))
    assert sent == count, f"{recipient} has {sent} mails"


async def sets_a_password_by(service: Service, link: str, user: str = USER, password: str = NEW_PASSWORD) -> None:
    """A link still opens the form, in a browser of its own, and the form sets the password that signs in."""
    owner = await service.person()
    await owner.opens(link)
    await owner.sees("Cambiar contraseña")
    await expect(owner.field("Nombre de usuario")).to_have_value(user)
    await changes(owner, password)
    await owner.is_told(CHANGED)
    await signs_in(owner, user, password)
    await owner.sees("Mi cuenta")
