"""What a person agrees to before data may leave for a destination, in every language of the portal.

A text is never edited: a new one gets a new version, so that what was agreed to stays known.
"""

CONSENT_VERSION = "1"

CONSENT_TEXTS = {
    "en": (
        "I agree that Segpilot transfers the profiles of the segments that are exported over this connection, personal "
        "data among them, to Autopilot, outside the boundary in which this system keeps its data. The transfer happens "
        "on my organisation's instruction. My organisation is responsible for the consent of the people concerned, and "
        "for having satisfied itself that Autopilot protects their privacy and security. An administrator can end the "
        "transfer at any time by removing the connection."
    ),
    "es": (
        "Acepto que Segpilot transfiera a Autopilot los perfiles de los segmentos que se exportan con esta conexión, "
        "incluidos datos personales, fuera de los límites en los que este sistema guarda sus datos. La transferencia se "
        "hace por orden de mi organización. Mi organización responde del consentimiento de las personas afectadas y de "
        "haber comprobado que Autopilot protege su privacidad y su seguridad. Un administrador puede poner fin a la "
        "transferencia en cualquier momento quitando la conexión."
    ),
    "ro": (
        "Sunt de acord ca Segpilot să transfere către Autopilot profilurile segmentelor exportate prin această "
        "conexiune, inclusiv date cu caracter personal, în afara limitelor în care acest sistem își păstrează datele. "
        "Transferul se face la dispoziția organizației mele. Organizația mea răspunde de consimțământul persoanelor "
        "vizate și de faptul că s-a asigurat că Autopilot le protejează confidențialitatea și securitatea. Un "
        "administrator poate opri transferul în orice moment, eliminând conexiunea."
    ),
}
