"""What the hub connects when somebody explores the sandbox: groups, channels, content plan. Plain data, nothing else.

The company is invented: Brachvogel, a coffee roastery in Bremen that began to build the cargo bikes it delivers with
(sold abroad as Curlew, which is the same bird). The tokens open nothing but the sandbox.
"""

from dataclasses import dataclass

MARK = "Sandbox – invented people"


@dataclass(frozen=True)
class SandboxChannel:
    """One of our own profiles in the sandbox. `token` is good from the first start on, until it is revoked."""

    handle: str
    name: str
    group: str
    token: str
    language: str
    bio: str
    colour: str


@dataclass(frozen=True)
class PlannedPost:
    """One entry of the content plan. `day` counts from today, `time` is HH:MM in Europe/Berlin.

    `state` is idea, draft or scheduled; `channels` are handles. `variants` gives a channel a text of its own.
    """

    title: str
    text: str
    channels: tuple[str, ...]
    day: int
    time: str
    state: str
    campaign: str | None = None
    variants: tuple[tuple[str, str], ...] = ()


GROUPS: tuple[str, ...] = ("Kaffeerösterei", "Cargo bikes")

COFFEE, HELP, BIKES = "brachvogel_kaffee", "brachvogel_hilfe", "curlew_cargo"

CHANNELS: tuple[SandboxChannel, ...] = (
    SandboxChannel(
        COFFEE,
        "Brachvogel Kaffee (Sandbox)",
        "Kaffeerösterei",
        "sandbox-token-brachvogel-kaffee",
        "de",
        "Rösterei am Bremer Hafen. Kaffee mit Herkunft, Lastenrad statt Lieferwagen.",
        "#8a4b2a",
    ),
    SandboxChannel(
        HELP,
        "Brachvogel Kundendienst (Sandbox)",
        "Kaffeerösterei",
        "sandbox-token-brachvogel-hilfe",
        "de",
        "Fragen zu Bestellung, Versand, Mühlen und Maschinen? Montag bis Samstag, 8 bis 18 Uhr.",
        "#2f6f73",
    ),
    SandboxChannel(
        BIKES,
        "Curlew Cargo Bikes (Sandbox)",
        "Cargo bikes",
        "sandbox-token-curlew-cargo",
        "en",
        "Cargo bikes from Bremen for families, shops and people with a double bass.",
        "#3b5b92",
    ),
)

CAMPAIGNS: tuple[str, ...] = ("Herbsternte", "Ersatzteilversprechen", "Winter range")

PLAN: tuple[PlannedPost, ...] = (
    PlannedPost(
        "Rösttag am Montag",
        "Montag ist Rösttag! Heute in der Trommel: Kolumbien Huila. In der Tasse rote Johannisbeere und Karamell.\n\n"
        "Wer bis 14 Uhr bestellt, hat ihn übermorgen im Briefkasten. #Kaffee #Rösterei",
        (COFFEE,),
        1,
        "08:30",
        "scheduled",
        "Herbsternte",
    ),
    PlannedPost(
        "Zubereitungstipp Filterkaffee",
        "60 Gramm auf einen Liter, 94 Grad, drei Minuten. Und die Kanne vorwärmen!\n\n"
        "Unsere ganze Mahlgradtabelle: https://kaffee.brachvogel.example/wissen/mahlgrad-tabelle #Filterkaffee",
        (COFFEE,),
        2,
        "17:00",
        "scheduled",
    ),
    PlannedPost(
        "Transparenzbericht: Lieferkettensorgfaltspflichten",
        "Was wir zahlen, an wen, und was bei uns übrig bleibt: Der neue Bericht zu unseren "
        "Lieferkettensorgfaltspflichten ist da, die Kurzfassung steht auf Seite 3. #Nachhaltigkeit #FairTrade",
        (COFFEE, HELP),
        3,
        "11:00",
        "scheduled",
        "Herbsternte",
        ((HELP, "Fragen zum Transparenzbericht? Stellt sie uns hier, wir holen die Antworten aus dem Einkauf."),),
    ),
    PlannedPost(
        "Winter range, part 1: the measurements",
        "Winter range, measured rather than promised: 61 km at 2 °C with 80 kg in the box. "
        "Full log with wind direction: https://curlew.example/lab/winter-range #cargobike #ebike",
        (BIKES,),
        1,
        "18:00",
        "scheduled",
        "Winter range",
    ),
    PlannedPost(
        "Winter range, part 2: storing your battery",
        "Store your battery at around 60 % and above freezing. That's it, that's the whole secret. #ebike",
        (BIKES,),
        4,
        "18:00",
        "scheduled",
        "Winter range",
    ),
    PlannedPost(
        "Winter range, part 3: tyre pressure",
        "Cold air is smaller air. Check your tyre pressure this weekend: 3.5 bar front, 4 rear. #BikeTooter",
        (BIKES,),
        8,
        "18:00",
        "draft",
        "Winter range",
    ),
    PlannedPost(
        "Reparaturcafé am Samstag",
        "Reparaturcafé am Samstag, 15 bis 18 Uhr. Bringt eure Mühlen und Siebträgermaschinen mit, "
        "wir haben Schraubendreher und Kuchen. #Reparatur #Bremen",
        (HELP, COFFEE),
        5,
        "09:00",
        "scheduled",
        "Ersatzteilversprechen",
    ),
    PlannedPost(
        "Ersatzteilversprechen: zehn Jahre",
        "Mindestens zehn Jahre lang gibt es jedes Ersatzteil für unsere Maschinen, mit Zeichnung und Preis, "
        "ohne Anmeldung. Das nennen wir Ersatzteilversprechen. #RechtAufReparatur",
        (HELP,),
        7,
        "10:30",
        "scheduled",
        "Ersatzteilversprechen",
    ),
    PlannedPost(
        "Wartungsarbeiten Kundenkonto",
        "In der Nacht zum Donnerstag ist das Kundenkonto von 2 bis 4 Uhr nicht erreichbar: "
        "Datenbankaktualisierung. Bestellungen über den Laden gehen weiter.",
        (HELP,),
        2,
        "12:00",
        "scheduled",
    ),
    PlannedPost(
        "Test rides at the town hall",
        "Test rides this Saturday, 10 to 4, by the town hall. Bring kids, crates, doubts. #cargobike #bikecity",
        (BIKES,),
        3,
        "12:30",
        "scheduled",
    ),
    PlannedPost(
        "Feiertagsversand",
        "Wegen des Feiertags gehen Bestellungen von Mittwochnachmittag erst am Freitag raus. "
        "Wer dringend Koffein braucht: Der Laden hat offen.",
        (HELP, COFFEE),
        9,
        "08:00",
        "draft",
    ),
    PlannedPost(
        "Röstereiführung: noch sechs Plätze",
        "Röstereiführung am Freitag, 17 Uhr: Rohkaffee anfassen, Trommel hören, drei Sorten verkosten. "
        "Noch sechs Plätze. #Bremen #Verkostung",
        (COFFEE,),
        6,
        "16:00",
        "draft",
    ),
    PlannedPost(
        "Spare parts: the 60 cent screw",
        "Right to repair means you can actually buy the screw. All parts, with drawings and prices. #RightToRepair",
        (BIKES,),
        10,
        "17:30",
        "draft",
        "Ersatzteilversprechen",
    ),
    PlannedPost(
        "Kaffeeabo-Geschenkkarten",
        "Geschenkidee, die nicht verstaubt: drei Monate Kaffeeabo, jeden Monat eine andere Sorte, "
        "mit handgeschriebener Karte. #Kaffeeabo",
        (COFFEE,),
        12,
        "10:00",
        "idea",
        "Herbsternte",
    ),
    PlannedPost(
        "Kaffee trifft Lastenrad",
        "Sechs Jahre Lastenradzustellung: drei Räder, 4.100 Kilometer im Jahr, kein einziger Lieferwagen. "
        "Wer findet den schönsten Zustellmoment?",
        (COFFEE, BIKES),
        14,
        "11:00",
        "idea",
        None,
        ((BIKES, "Six years of coffee by cargo bike: three bikes, 4,100 km a year, not a single van. #cargobike"),),
    ),
    PlannedPost(
        "Reader photo: what rides in your box?",
        "Show us what rides in your box today. Dogs welcome. Double basses too. #familybiking",
        (BIKES,),
        6,
        "08:00",
        "idea",
    ),
    PlannedPost(
        "Mahlgradeinstellungsvideo",
        "Viele haben es sich gewünscht: Imke zeigt in neunzig Sekunden, wie man den Mahlgrad einstellt.",
        (COFFEE,),
        11,
        "17:00",
        "idea",
    ),
)
