"""Schedules in words, in all three languages."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from portal.languages import language
from portal.reader import Reader, reading
from portal.schedule_words import describe_moment, describe_next, describe_schedule
from shared.domain.schedule import Refresh, Schedule

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday
WORKING = ["monday", "tuesday", "wednesday", "thursday", "friday"]
BUCHAREST = {"time_zone": "Europe/Bucharest"}


def speak(code, zone="UTC"):
    return reading(Reader(language(code), ZoneInfo(zone), NOW))


def schedule(recurrence, **more):
    return Schedule(recurrence=recurrence, **more)


SAID = [
    (
        schedule("refresh"),
        "whenever its segments are renewed",
        "siempre que se renuevan sus segmentos",
        "ori de câte ori se reînnoiesc segmentele sale",
    ),
    (schedule("hourly"), "every hour, on the hour", "cada hora en punto", "la fiecare oră fixă"),
    (
        schedule("hourly", minute=1, **BUCHAREST),
        "every hour at 1 minute past",
        "cada hora, en el minuto 1",
        "în fiecare oră, la minutul 1",
    ),
    (
        schedule("hourly", minute=15),
        "every hour at 15 minutes past",
        "cada hora, en el minuto 15",
        "în fiecare oră, la minutul 15",
    ),
    (
        schedule("hourly", minute=45, time_zone="Asia/Kolkata"),
        "every hour at 45 minutes past, Kolkata time",
        "cada hora, en el minuto 45, hora de Kolkata",
        "în fiecare oră, la minutul 45, ora din Kolkata",
    ),
    (
        schedule("hourly", time_zone="Asia/Kolkata"),
        "every hour, on the hour, Kolkata time",
        "cada hora en punto, hora de Kolkata",
        "la fiecare oră fixă, ora din Kolkata",
    ),
    (
        schedule("daily", times=["18:00", "06:00"], **BUCHAREST),
        "every day at 06:00 and 18:00, Bucharest time",
        "todos los días a las 06:00 y 18:00, hora de Bucarest",
        "zilnic la 06:00 și 18:00, ora din București",
    ),
    (
        schedule("daily", times=["00:00"]),
        "every day at 00:00, UTC",
        "todos los días a las 00:00, UTC",
        "zilnic la 00:00, UTC",
    ),
    (
        schedule("weekly", times=["06:00"], weekdays=WORKING, **BUCHAREST),
        "every weekday at 06:00, Bucharest time",
        "de lunes a viernes a las 06:00, hora de Bucarest",
        "de luni până vineri la 06:00, ora din București",
    ),
    (
        schedule("weekly", times=["06:00"], weekdays=["sunday", "saturday", *WORKING], **BUCHAREST),
        "every day at 06:00, Bucharest time",
        "todos los días a las 06:00, hora de Bucarest",
        "zilnic la 06:00, ora din București",
    ),
    (
        schedule("weekly", times=["06:00", "18:00"], weekdays=["thursday", "monday"], **BUCHAREST),
        "every Monday and Thursday at 06:00 and 18:00, Bucharest time",
        "cada lunes y jueves a las 06:00 y 18:00, hora de Bucarest",
        "în fiecare luni și joi la 06:00 și 18:00, ora din București",
    ),
    (
        schedule("weekly", times=["06:00"], weekdays=["sunday"], time_zone="America/Mexico_City"),
        "every Sunday at 06:00, Mexico City time",
        "cada domingo a las 06:00, hora de Ciudad de México",
        "în fiecare duminică la 06:00, ora din Ciudad de Mexico",
    ),
    (
        schedule("monthly", times=["07:30"], days_of_month=[1], **BUCHAREST),
        "on day 1 of each month at 07:30, Bucharest time",
        "el día 1 de cada mes a las 07:30, hora de Bucarest",
        "în ziua 1 a fiecărei luni la 07:30, ora din București",
    ),
    (
        schedule("monthly", times=["07:30"], days_of_month=[15, 1], **BUCHAREST),
        "on days 1 and 15 of each month at 07:30, Bucharest time",
        "los días 1 y 15 de cada mes a las 07:30, hora de Bucarest",
        "în zilele 1 și 15 ale fiecărei luni la 07:30, ora din București",
    ),
    (
        schedule("monthly", times=["07:30"], days_of_month=[31], **BUCHAREST),
        "on the last day of each month at 07:30, Bucharest time",
        "el último día de cada mes a las 07:30, hora de Bucarest",
        "în ultima zi a fiecărei luni la 07:30, ora din București",
    ),
    (
        schedule("monthly", times=["07:30"], days_of_month=[31, 1], **BUCHAREST),
        "on day 1 and the last day of each month at 07:30, Bucharest time",
        "el día 1 y el último día de cada mes a las 07:30, hora de Bucarest",
        "în ziua 1 și în ultima zi a fiecărei luni la 07:30, ora din București",
    ),
    (
        schedule("monthly", times=["07:30"], days_of_month=[1, 10, 31], **BUCHAREST),
        "on days 1 and 10 and the last day of each month at 07:30, Bucharest time",
        "los días 1 y 10 y el último día de cada mes a las 07:30, hora de Bucarest",
        "în zilele 1 și 10 și în ultima zi din fiecare lună la 07:30, ora din București",
    ),
    (
        schedule("monthly", times=["07:30"], days_of_month=list(range(1, 32)), **BUCHAREST),
        "every day at 07:30, Bucharest time",
        "todos los días a las 07:30, hora de Bucarest",
        "zilnic la 07:30, ora din București",
    ),
    (Refresh(), "switched off", "desactivada", "dezactivată"),
    (
        Refresh(recurrence="daily", times=["02:00"], time_zone="Etc/GMT+5"),
        "every day at 02:00, GMT+5",
        "todos los días a las 02:00, GMT+5",
        "zilnic la 02:00, GMT+5",
    ),
    (
        Refresh(recurrence="weekly", times=["02:00"], weekdays=WORKING, time_zone="Europe/Madrid"),
        "every weekday at 02:00, Madrid time",
        "de lunes a viernes a las 02:00, hora de Madrid",
        "de luni până vineri la 02:00, ora din Madrid",
    ),
]


@pytest.mark.parametrize(("given", "en", "es", "ro"), SAID, ids=[row[1] for row in SAID])
def test_a_schedule_is_said_in_each_language(given, en, es, ro):
    told = {}
    for code in ("en", "es", "ro"):
        with speak(code):
            told[code] = describe_schedule(given)
    assert told == {"en": en, "es": es, "ro": ro}


def test_a_city_is_named_without_what_it_belongs_to():
    with speak("en"):
        given = schedule("daily", times=["06:00"], time_zone="America/Argentina/Buenos_Aires")
        assert describe_schedule(given) == "every day at 06:00, Buenos Aires time"


@pytest.mark.parametrize("recurrence", ["daily", "weekly", "monthly"])
def test_a_schedule_that_is_not_complete_yet_can_be_said(recurrence):
    with speak("ro"):
        assert describe_schedule(schedule(recurrence)).endswith("UTC")


MOMENTS = [
    (datetime(2026, 3, 2, 21, 30), "today at 23:30", "hoy a las 23:30", "azi la 23:30"),
    # Bucharest's day begins before that of UTC.
    (datetime(2026, 3, 2, 22, 0), "tomorrow at 00:00", "mañana a las 00:00", "mâine la 00:00"),
    (datetime(2026, 3, 8, 4, 0), "on Sunday at 06:00", "el domingo a las 06:00", "duminică la 06:00"),
    (
        datetime(2026, 3, 9, 4, 0),
        "on Mar 9, 2026 at 06:00",
        "el 9 mar 2026 a las 06:00",
        "pe 9 mar. 2026 la 06:00",
    ),
    (
        datetime(2026, 3, 1, 4, 0),
        "on Mar 1, 2026 at 06:00",
        "el 1 mar 2026 a las 06:00",
        "pe 1 mar. 2026 la 06:00",
    ),
]


@pytest.mark.parametrize(("moment", "en", "es", "ro"), MOMENTS, ids=[row[1] for row in MOMENTS])
def test_a_moment_is_said_by_the_readers_clock(moment, en, es, ro):
    starts = {"en": "next: ", "es": "próxima: ", "ro": "următoarea: "}
    for code, wanted in (("en", en), ("es", es), ("ro", ro)):
        with speak(code, "Europe/Bucharest"):
            assert describe_moment(moment.replace(tzinfo=UTC)) == wanted
            assert describe_next(moment.replace(tzinfo=UTC)) == starts[code] + wanted


def test_no_moment_is_said_as_well():
    with speak("es"):
        assert describe_moment(None) == ""
        assert describe_next(None) == "no hay ninguna ejecución prevista"
