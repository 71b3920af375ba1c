"""What fields, types and rules are called. Field names are those of Autopilot, beside which they are shown."""

from portal.reader import gettext as _

DESTINATIONS = {"autopilot": "Autopilot"}


def name_fields() -> dict[str, str]:
    """Return what the standard fields are called."""
    return {
        "FirstName": _("First name"),
        "LastName": _("Last name"),
        "Salutation": _("Salutation"),
        "Company": _("Company"),
        "NumberOfEmployees": _("Number of employees"),
        "Title": _("Job title"),
        "Industry": _("Industry"),
        "Phone": _("Phone"),
        "MobilePhone": _("Mobile phone"),
        "Fax": _("Fax"),
        "Website": _("Website"),
        "MailingStreet": _("Street"),
        "MailingCity": _("City"),
        "MailingState": _("State or region"),
        "MailingPostalCode": _("Postal code"),
        "MailingCountry": _("Country"),
        "LeadSource": _("Lead source"),
        "Status": _("Lead status"),
        "LinkedIn": "LinkedIn",
        "Twitter": "Twitter",
        "unsubscribed": _("Unsubscribed"),
    }


def name_types() -> list[tuple[str, str]]:
    """Return each type of custom fields with what it is called."""
    return [
        ("string", _("Text")),
        ("integer", _("Whole number")),
        ("float", _("Number")),
        ("boolean", _("Yes or no")),
        ("date", _("Date")),
    ]


def name_date_orders() -> list[tuple[str, str]]:
    return [("dmy", _("Day/month/year")), ("mdy", _("Month/day/year")), ("ymd", _("Year/month/day"))]


def name_blanks() -> list[tuple[str, str]]:
    """Return what a blank value can do."""
    return [
        ("omit", _("leave the field as it is")),
        ("clear", _("empty the field")),
        ("default", _("send another value")),
    ]
