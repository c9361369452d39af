"""The words by which the rules of plain language tell: who is spoken to, whose words they are, what is to be done."""

from collections.abc import Mapping


def either(words: str) -> str:
    """An expression for any of these words, which may be expressions."""
    return "|".join(words.split())


_TU = either(
    """haz ten ve pon escribe ingresa revisa elige usa cambia copia pega pide intenta introduce abre cierra llama espera
    marca confirma descarga recupera registra vuelve busca ignora comprueba avisa"""
)
_VOS = either(
    """hacé tené andá poné escribí ingresá revisá elegí usá cambiá copiá pegá pedí intentá introducí abrí cerrá llamá
    esperá marcá confirmá descargá recuperá registrá volvé buscá ignorá comprobá avisá"""
)
_TU_IN_PORTUGUESE = either("digita escolhe confere tenta usa abre clica entra pede espera volta altera marca")
_THINGS_LIKE_VERBS = "contraste|existe|consiste|insiste"

FAMILIAR: Mapping[str, tuple[str, ...]] = {
    "es": (
        rf"\b({either('tú tu tus te ti tuy[oa]s? contigo vos vosotr[oa]s vuestr[oa]s? os')})\b",
        rf"\b(?!{_THINGS_LIKE_VERBS})\w+(?:aste|iste)\b",  # olvidaste
        r"\b(?!atrás|detrás)\w+rás\b",  # recibirás
        rf"\b({either('puedes quieres tienes debes necesitas eres estás sabes deseas recibes hayas tengas puedas')})\b",
        rf"\b({either('tenés podés querés sos debés sabés')})\b",
        rf"(?:^|[.:;!?¿¡»] |\b[yo] )({_TU}|{_VOS})\b",
    ),
    "pt": (
        rf"\b({either('tu te ti teus? tuas? contigo vós vossos? vossas?')}|o senhor|a senhora)\b",
        rf"\b(?!{_THINGS_LIKE_VERBS})\w+(?:aste|iste)\b",  # digitaste
        rf"\b({either('esqueceste recebeste escolheste fizeste')})\b",
        rf"(?:^|[.:;!?”] |\b(?:e|ou) )({_TU_IN_PORTUGUESE})\b",
    ),
    "en": (),
}
"""tú and vos, for readers who are «usted»; tu, for those who are «você». A «tú» that commands begins a sentence."""

JARGON: Mapping[str, Mapping[str, str]] = {
    "es": {
        "credencial": "nombre de usuario y contraseña",
        "autentic": "ingresar",
        "diligenci": "llenar",
        "aplicativo": "portal",
        "visualiz": "ver",
        "remiti": "enviar",
        "vigencia": "sirve hasta",
        "posteriormente": "después",
        "previamente": "antes",
        "proced": "hacer",
        "con el fin de": "para",
        "a fin de": "para",
        "en caso de que": "si",
        "a la brevedad": "pronto",
        "mediante": "con",
        "dicha": "esta",
        "dicho": "este",
        "caduc": "venció",
        "clickee": "haga clic",
        "email": "correo electrónico",
        "link": "enlace",
        "token": "código",
        "loguear": "ingresar",
    },
    "en": {
        "credential": "user name and password",
        "authenticat": "sign in",
        "terminat": "end",
        "commence": "begin",
        "utilis": "use",
        "utiliz": "use",
        "in order to": "to",
        "prior to": "before",
        "subsequent": "then",
        "kindly": "please",
        "be advised": "say it",
        "regarding": "about",
        "token": "code",
        "log in": "sign in",
        "login": "sign in",
        "username": "user name",
    },
    "pt": {
        "credencia": "nome de usuário e senha",
        "autentic": "entrar",
        "efetu": "fazer",
        "visualiz": "ver",
        "vigência": "vale até",
        "posteriormente": "depois",
        "previamente": "antes",
        "a fim de": "para",
        "mediante": "com",
        "através": "por",
        "referid": "este",
        "login": "entrar",
        "logar": "entrar",
        "token": "código",
        "palavra-passe": "senha",
        "utilizador": "usuário",
        "ficheiro": "arquivo",
        "ecrã": "tela",
        "telemóvel": "celular",
        "contacto": "contato",
        "registo": "cadastro",
        "introduz": "digite",
    },
}
"""The beginnings of words of offices, of programmers and of another country, and what to write instead."""

ONE_WORD: Mapping[str, Mapping[str, str]] = {
    "es": {
        r"(?<!ombre de )(?<!ombres de )(?<!cuenta de )(?<!lasificación de )(?<!ID de )(?<!como )\busuarios?\b": (
            "nombre de usuario: a portal's own word takes its place"
        ),
        r"\bclaves?\b|\bpalabra de paso\b": "contraseña: a portal's own word takes its place",
        r"\bsolicit(?!ud|aremos)\w+": "pedir",
        r"\bdispositivo": "equipo",
        r"\bspam\b": "correo no deseado",
        r"\bmensaje": "correo",
    },
    "en": {
        r"(?<!-)\bmails?\b|\bmailed\b|\bemails?\b": "e-mail",
        r"\bpasscode|\bpass code": "password: a portal's own word takes its place",
        r"\busers?\b(?! (names?|account|classification|guide|ID))": "user name: a portal's own word takes its place",
    },
    "pt": {
        r"(?<!ome de )(?<!omes de )(?<!conta de )(?<!lassificação de )(?<!ID de )(?<!como )\busuários?\b": (
            "nome de usuário: a portal's own word takes its place"
        ),
        r"\bregistr(?!o )": "cadastrar",
        r"\btro(?:car|que|cou)\b": "alterar",
        r"(?<!central de )\batendimento": "central de atendimento",
        r"\bdispositivo": "aparelho",
        r"\bsolicit": "pedir",
        r"(?<!-)\bmails?\b|\bemails?\b": "e-mail",
    },
}
"""Another word for what has a name already, and that name."""

_DO = {
    "es": either(
        """abra avise avísenos borre busque cambie compruebe confirme copie cópiel[oa] elija empiece escriba
        escríbal[oa] espere ingrese intente inténtelo introduzca llame llene marque pida pídal[oa] recupere revise
        revísel[oa]s? siga termine use úsel[oa] vuelva"""
    ),
    "en": either(
        """ask call change check choose confirm copy delete enter fill finish go keep open recover send sign start tick
        try type use wait write"""
    ),
    "pt": either(
        """abra aguarde altere apague avise busque clique comece confira confirme copie digite entre escolha espere
        ligue marque peça preencha recupere tente termine use veja verifique volte"""
    ),
}
NEXT_STEP: Mapping[str, str] = {
    "es": rf"\b({_DO['es']}|ya puede|puede pedir|no tiene que hacer)\b|¿quiso ",
    "en": rf"(?:^|[.:;,!?] |\b(?:and|or|then) )({_DO['en']})\b|\byou can\b|\byou do not need to\b|\bdid you mean ",
    "pt": rf"\b({_DO['pt']}|já pode|você pode|não precisa fazer)\b|você quis ",
}
"""What a reader can do, as an imperative of «usted» or «você», or as leave to do it or not to."""
