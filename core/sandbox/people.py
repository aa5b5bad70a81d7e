"""The contacts: sixty invented people and groups who write to our channels. Data only.

Servers end in `.example`, a name that can't belong to anybody. An empty server means the sandbox itself.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Contact:
    """An invented person. `interest` is de (coffee and service) or en (bikes); `followers` a plain number."""

    username: str
    server: str
    name: str
    bio: str
    interest: str
    followers: int

    @property
    def acct(self) -> str:
        """As the Mastodon API names it: `user` here, `user@server` elsewhere."""
        return f"{self.username}@{self.server}" if self.server else self.username


_GERMAN = """
lena.w|norden.example|Lena Wübbenhorst|Radelt, röstet, rechnet. Bremen-Neustadt.|412
tarek_b||Tarek B.|Krankenpfleger, Nachtschicht, schwarzer Kaffee.|188
frauke|kueste.example|Frauke Harms ☕|Segeln und Siebträger.|957
jonas.kroll||Jonas Kroll|Buchhandlung am Wall, privat hier.|634
miriam_s|norden.example|Miriam Şahin|Lehrerin, zwei Kinder, eine Kaffeemühle.|271
opa_heinz||Heinz Petersen|Rentner. Früher Lokführer, jetzt Kaffeetester.|95
kathi|werkbank.example|Kathi Brandmeier|Tischlerei in dritter Generation.|1203
dev_dennis|quelltext.example|Dennis|Softwareentwickler, trinkt Filterkaffee aus Prinzip.|2140
yasemin||Yasemin Aydın|Ich frage lieber einmal zu viel.|320
p.ostermann|kueste.example|Piet Ostermann|Deichschäfer. Wirklich.|1780
nele_liest||Nele|Bücher, Regen, Kanne Kaffee.|843
werkstattcafe|werkbank.example|Werkstattcafé Viertel|Reparaturcafé, jeden ersten Samstag.|1511
sabine.r||Sabine Reuter|Steuerfachangestellte. Humor trotzdem vorhanden.|142
marek|norden.example|Marek Nowak|Postbote und Espressotrinker.|377
isa_belle||Isabelle Krüger|Fotografie und Frühstück.|2890
dr_vollmer|quelltext.example|Dr. Anja Vollmer|Lebensmittelchemie. Ja, auch Kaffee.|1644
bjoern_k||Björn K.|Meckert nur, wenn es sein muss.|58
hanna.t|kueste.example|Hanna Tietjen|Hofladen bei Worpswede.|709
cem||Cem Yıldız|Koch. Koche auch Kaffee.|918
gudrun|norden.example|Gudrun Ahlers|Chor, Garten, Enkel.|167
felix_faehrt||Felix|Lastenradkurier in Bremen.|1322
oekoline|werkbank.example|Ökoline e. V.|Verein für weniger Verpackung.|3051
mohamed.a||Mohamed Amrani|Studiert Lebensmitteltechnologie.|204
silke_schraubt|werkbank.example|Silke|Repariert alles außer Herzen.|1876
toni|quelltext.example|Toni Eberl|Aus Bayern zugezogen, Espresso dabei.|533
ruth||Ruth Lindemann|Bibliothekarin, leise.|86
stadtmagazin_hb|norden.example|Stadtmagazin Bremen|Was los ist zwischen Wall und Weser.|8420
kaffeeklatsch|kueste.example|Kaffeeklatsch-Podcast|Zwei Frauen, eine Kanne.|5610
vera_v||Vera Vogt|Barrierefreiheit ist kein Extra.|1467
lukas.m||Lukas Meinders|Auszubildender, immer müde.|119
"""

_ENGLISH = """
ada_rides|wheels.example|Ada Okafor|Two kids, one box bike, no car.|1893
tomasz|wheels.example|Tomasz Z.|Commutes in all weathers. Complains about all of them.|402
bryn||Bryn Pugh|Lives on the windy side of Wales.|688
sofia.l|hilltown.example|Sofia Lindqvist|Architect. Cities for people.|2750
mister_spoke||Mister Spoke|Wheel builder. Truth in all things.|3310
nkechi|wheels.example|Nkechi A.|Runs a flower shop on a cargo bike.|940
dutch_dave|lowlands.example|Dave van der Meer|Half Dutch, fully wet.|1127
paula.g||Paula Grant|Dog: Biscuit, 32 kg.|356
hiro|hilltown.example|Hiro T.|Maps, bikes, ramen.|815
marta_c|lowlands.example|Marta Costa|From Porto. Yes, I know the welders.|479
slowlane||The Slow Lane|A newsletter about quiet streets.|6240
ewan|hilltown.example|Ewan MacLeod|Hills are character.|233
priya.n|wheels.example|Priya Nair|Paediatrician, cyclist, in that order.|1588
jules||Jules Fontaine|Baker. Croissants by bike.|1045
olu|hilltown.example|Olu Bankole|City councillor for parking reform.|4412
grete.h|lowlands.example|Grete Holm|Copenhagen expat, missing the lanes.|702
kit_and_kin||Kit & Kin Bikes|Family bike library, volunteer run.|2034
ravi|wheels.example|Ravi Menon|Data person. Asks for data.|1210
femke|lowlands.example|Femke de Jong|School run, four kids, two cellos.|1675
sam_w||Sam Whitlock|Bought a bike to avoid parking. It worked.|147
noor|hilltown.example|Noor Haddad|Occupational therapist, adaptive cycling.|994
leo.b||Leo Bianchi|Courier. Sleeps rarely.|538
annabel|wheels.example|Annabel Frost|Keeps receipts.|76
chris_t||Chris Tan|Apartment, third floor, no lift.|281
velo_union|hilltown.example|Velo Union|Riders' association, 3,000 members.|7130
mina|lowlands.example|Mina Petrović|Painter. Notices colours.|869
george.o||George Osei|Retired engineer. Will ask about torque.|324
rosie_r|wheels.example|Rosie Rutter|Midwife on wheels.|1391
ines|hilltown.example|Inês Duarte|Tour guide by tandem.|612
walt||Walt Jensen|Sceptic, convertible.|65
"""


def _read(block: str, interest: str) -> tuple[Contact, ...]:
    rows = (line.split("|") for line in block.strip().splitlines())
    return tuple(Contact(u, server, name, bio, interest, int(n)) for u, server, name, bio, n in rows)


CONTACTS: tuple[Contact, ...] = _read(_GERMAN, "de") + _read(_ENGLISH, "en")
