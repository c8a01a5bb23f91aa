"""The words that the boundary rules know. Lower case throughout, without the final full stop.

English first, with the abbreviations that captions in other languages are likely to hold: German,
Dutch, the Scandinavian, Romance and Slavic ones, Finnish, Hungarian, Turkish, Greek, Hindi and
Indonesian. Those that are English words too are left out. A word absent from here is not lost: the
rules or the model decide.
"""

from typing import Final


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


TITLES: Final = _words(
    "dr mr mrs ms mx prof st ste mt ft gen col lt sgt capt cmdr cpl maj adm gov sen rep rev hon",
    "pres messrs mme mlle sr sra srta hr fr dott sig ing डॉ श्री प्रो कु ул г пл пр им",
    "dhr mevr dna dott.ssa exmo uds проф акад просп κ",
)
"""Stand before a name."""

NEVER_FINAL: Final = _words(
    "e.g i.e eg ie cf viz vs approx ca incl excl esp resp aprox env p.ex z.b d.h u.a i.d.r bzw",
    "ggf evtl vgl sog mind max",
    "bijv bv d.w.z o.a t.ex f.eks bl.a d.v.s s.k tzn np m.in tj např tzv esim örn ej aprox c.-à-d",
    "π.χ δηλ т.е напр тыс ee",
)
"""Always go on: for example, that is, approximately."""

BEFORE_NUMBERS: Final = _words(
    "no nos nr fig figs p pp vol vols ch chap sec sect eq art op ver pt pl tab abb núm num стр рис",
    "rm c д abs abt pág págs pag str nº n.º σελ см кв",
)
"""Go on if a number follows."""

MAYBE_FINAL: Final = _words(
    "etc a.m p.m u.s u.k u.n e.u u.s.a d.c l.a n.y ph.d m.d b.a m.a b.c a.d jr inc ltd co corp",
    "bros dept est ed eds misc al assn ave blvd rd hwy sq bldg apt fl mfg p.o usw z.t",
    "т.д т.п др руб ee.uu b.c.e c.e",
    "ecc enz osv usf itd itp atd apod stb jne dll dsb dst v.v κ.λπ млн млрд мин сек гг вв н.э uu",
    "mio mrd jh std inkl gest geb tel éd",
)
"""May end a sentence or stand inside it."""

CALENDAR: Final = _words(
    "jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun",
    "janv févr avr juil déc ene abr ago dic giu lug ott fev dez",
    "янв фев апр авг сент окт нояб дек",
)
"""Months and days."""

UNITS: Final = _words(
    "in ft yd mi cm mm m km kg g mg lb lbs oz l ml gal sq cu min mins hr hrs sec secs s h deg",
    "pcs qty",
)
"""Abbreviations only after a number."""

CAPITALISED_ONLY: Final = _words(
    "gen col rep rev hon ste ing pres sen adm mx fr hr ft mar apr sat sun wed mon fri sept",
    "co ed art op est al pl",
)
"""Other words, or parts of other languages, unless written with a capital letter."""

EXCLAIMING_BRANDS: Final = _words("yahoo jeopardy wham yum joomla kahoot")
"""Names written with an exclamation mark."""

OPENERS: Final = _words(
    "the a an it its he she they there this that these those his her their we you i in on at to",
    "behind beside above below beneath beyond next near from with by for as if while when where",
    "between inside outside around under over across along through toward towards and but yet so",
    "both each one two three four five six several some many most all every another other others",
    "neither either none nobody nothing someone somebody everyone everything overall additionally",
    "also however meanwhile furthermore moreover finally then here what",
)
"""Words that, with a capital letter, begin a sentence far more often than a name."""

UNFINISHED: Final = _words(
    "the a an its his her their our my your this that these those some any each every no",
    "of in on at to from with by for as into onto over under near behind beside between above",
    "below across along around through toward towards against inside outside beneath beyond upon",
    "than and or but nor while which who whose where when because if",
    "is are was were be been being has have had does do did can could will would may might must",
    "very more most such both",
)
"""Words after which an English sentence goes on, so that a line break ends nothing."""

PREDICATES: Final = _words(
    "is are was were has have had contains contain shows show showing depicts depict includes",
    "include features feature says say reads read lists holds hold can does do appears appear",
    "consists displays display stands stand sits sit lies lie wears wear there here following",
)
"""Words that make a line which ends in a colon a statement and not a heading."""

HEADING_NOUNS: Final = _words(
    "background foreground midground composition colour color colours colors palette lighting",
    "light mood atmosphere setting scene subject subjects style details detail overall perspective",
    "texture textures objects people text layout technique summary description title caption",
    "environment clothing expression pose context summary impression observations notes",
)
"""Nouns that make a short bold phrase with a full stop a heading."""

ORDINAL_NOUNS: Final = _words(
    "januar jänner februar märz april mai juni juli august september oktober november dezember",
    "jahrhundert jahrhunderts jahrhunderte stock stockwerk etage klasse platz reihe jahr jahrestag",
)
"""What a number with a full stop counts in German."""

FILE_ENDINGS: Final = _words(
    "com org net edu gov io co uk de fr jp cn app dev js ts py md txt pdf jpg jpeg png gif svg",
    "html css json csv exe zip mp3 mp4 docx xlsx",
)
"""What may follow a full stop inside a name, so that no sentence ends there."""
