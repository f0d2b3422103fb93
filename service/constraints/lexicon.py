"""The words of the grammar: signs, connectors, hedges and fillers. English, and of no catalogue.

Phrases are tuples of folded words (see tokens.py: "don't" is "dont"); the longest that fits is taken.
"""

from collections.abc import Iterable
from functools import cache

PhraseTable = dict[tuple[str, ...], str]

NEGATIONS = """
no|not|non|nothing|none|never|without|minus|excluding|exclude|excludes|excluded|avoid|avoiding|avoids|skip
skipping|omit|omitting|dont|do not|doesnt|does not|didnt|isnt|is not|arent|are not|aint|wont|will not|cant
cannot|can not|shouldnt|should not|must not|mustnt|wouldnt|would not|hate|hates|dislike|dislikes|detest
loathe|neither|nor|anything but|everything but|all but|any but|anyone but|anything except|everything except
all except|any except|anything other than|everything other than|anything apart from|everything apart from
anything besides|except|except for|other than|apart from|aside from|besides|rather than|instead of|tired of
sick of|bored of|bored with|enough of|fed up with|had enough of|leave out|leaving out|no more|free of
free from|lacking|devoid of|stay away from|keep away from|steer clear of|keep out|allergic to|cant stand
cannot stand|not into|not a fan of|no fan of|not keen on|not interested in|not in the mood for|save for
rid of|anyone except|leave off|leave aside|not any|not a|not an|not the|not so|not from|not by|not in
no kind of|none of|nothing from|nothing by|nothing in|nothing with|nothing like|nothing of|nothing that is
done with|through with|w / o|nothing thats|nothing which is|not even|no longer|not another
unless|unless it is|unless its|unless they are|unless theyre|outside|outside of|rather not|id rather not
less like|unlike
would rather not
without any|without a|without an|without the|anywhere but|anywhere except|anywhere other than|anybody but|anybody except
steering clear of|staying away from|no way|nothing at all with|by no means|under no circumstances|void of
"""
DENIALS = """
it isnt|it is not|they arent|they are not|none of that|none of those|none of it|none of them
none of hers|none of his|none of theirs|no thanks|no thank you
is out|are out|is a no|are a no|is a no - go|are a no - go|is a no go|are a no go|no go|no - go
not for me|isnt for me|arent for me|is not for me|are not for me|not my thing|isnt my thing
arent my thing|not my style|is off limits|away from me|away from us|not welcome|need not apply|are banned|is banned
"""
AFFIRMATIONS = """
nothing but|nothing except|nothing other than|nothing besides|nothing apart from|none but|no one but
nobody but|only|just|exclusively|solely|purely|strictly|want|wants|wanted|need|needs|show|shows|give|find|get
recommend|suggest|looking for|look for|searching for|in the mood for|mood for|enjoy|enjoys|must be|must have
should be|has to be|have to be|needs to be|need to be|it must|feel like|feeling like|fan of|interested in
into|keen on|make it|let it be|something|anything|whatever is|stick to|limit it to|restrict to|restricted to
limited to|would like|id like|i like|im after|am after|include|including|includes|with|give me|show me|i want
i need|i would like|youve got|you have got|you got|have you got|do you have|w /
give us|please show|only show|only want|just show|along with|together with|plus|i love
we love|id love|would love|love to|they like|we like|she likes|he likes|really like|i enjoy|love seeing
isnt there|arent there|dont you have|do you not have|havent you got|cant you show|couldnt you show|cant i get
isnt there any|arent there any|dont you have any|is there|are there|could i get|can i get
"""
NOT_ONLY = """
not only|not just|not exclusively|not necessarily|not solely|not merely|not purely|not strictly|not simply
not always|dont have to be|do not have to be|doesnt have to be|does not have to be|doesnt need to be
does not need to be|neednt be|need not be|dont need to be|no need to be|not limited to|isnt limited to
more than just|other than just|not have to be|not only from|not just from|not only by|not just by
not be limited to|not restricted to|beyond just|arent only|isnt only|isnt just|not all|no need for
doesnt matter if|not exclusively from|dont only show|dont show only|dont just show|not only in|not just in
dont only want|dont just want|dont want only|dont want just|do not want only|do not want just
do not only want|do not just want|dont give me only|dont give me just|dont show me only|dont show me just
dont limit it to|dont limit yourself to|dont restrict it to|dont stick to|doesnt only have to be
"""
OPTIONAL = """
not required|not needed|not necessary|isnt required|isnt needed|isnt necessary|not essential|not mandatory|isnt a must
not a requirement|is optional|are optional|arent required|arent needed|arent necessary|is not required|is not needed
are not required|are not needed|is not necessary|are not necessary
"""
HEDGES = """
preferably|preferable|preferred|ideally|maybe|perhaps|possibly|hopefully|if possible|if you can|if you have
if available|where possible|would be nice|would be good|would be great|a bonus|a plus|prefer|prefers
id prefer|id rather|rather have|leaning towards|leaning toward|kind of|sort of|when possible|nice to have
optionally|a preference for|preference for|if there is|not a must|but not required|if you find one|could be
might be|might like|tend to like|lean towards
"""
BREAKS = """
but|however|yet|though|although|as long as|so long as|provided|only if|but only if|still|instead|otherwise|while
whereas|also
but also|but still|and also|and only|but only|but with|and with|but preferably
"""
EXCEPTIONS = """
except|except for|but not|other than|apart from|aside from|besides|excluding|unless|unless it is|unless its
unless they are|unless theyre|save for
"""
FILLERS = """
story|stories|tale|tales
a|an|the|some|any|any of|of|for|from|by|in|on|at|to|as|that|which|who|whose|this|these|those|it|its|is|are|am
be|been|was|were|being|i|im|ive|id|me|my|mine|we|us|our|you|your|u|he|she|they|them|their|there|theres|thats
whats|what|please|pls|thanks|thank|kindly|hi|hello|hey|ok|okay|well|so|too|very|really|quite|pretty|rather
more|most|much|many|lot|lots|bit|little|all|every|each|both|either|can|could|would|will|shall|should|may
might|do|does|did|have|has|had|having|going|gonna|wanna|go|come|one|ones|thing|things|stuff|something
anything|everything|someone|somebody|anyone|everyone|everybody|nobody|item|items|product|products|film|films|movie|movies|picture
pictures|flick|flicks|book|books|game|games|song|songs|track|tracks|album|albums|recipe|recipes|dish|dishes
show|shows|series|title|titles|option|options|choice|choices|recommendation|recommendations|suggestion
suggestions|article|articles|piece|pieces|type|types|kind|kinds|sort|sorts|made|make|makes|making|produced
released|came|out|directed|written|starring|called|named|labelled|labeled|tagged|considered|buy|buying
purchase|order|watch|watching|see|seen|read|reading|play|playing|try|trying|use|using|eat|cook|cooking|wear
wearing|today|tonight|now|next|else|again|also|then|already|ever|about|set|based|belonging|belong|category
brand|brands|section|department|good|great|nice|best|better|cool|awesome|fine|favorite|favourite|interesting
decent|perfect|ideal|new|other|others|different|another|same|similar|such|etc|per|each|via|mood|feel|feeling
evening|night|weekend|after|hoping|hope|wish|wishing|think|thinking|takes|take|taking|last|lasts|lasting|run
runs|running|contain|contains|containing|feature|features|featuring|suitable|available|sold|called|ready
serve|serves|life|know|let|lets|how|when|where|why|if|or so|only|just|price|priced|costing|cost|costs|long
spoken|language|say|says|said|tell
merry christmas|happy christmas|happy holidays|happy new year|happy birthday|happy halloween|happy easter|good morning
good evening|good night|good afternoon|hello world|hi there|hello there|thank you|thanks a lot|see you
nothing else matters|nothing else|nothing more|no matter|i dont mind|dont mind|dont care|i dont care|doesnt matter
does not matter|i dont mind which|dont mind which|no preference|not sure
long time no see|long day|short notice|small talk|cheap talk|years old|year old
not more than that|no more than that|nothing more than that|not over that|not longer than that|no longer than that
than usual|than normal|than the usual|than what|than the ones|than those|than these|than before|than my|than that
than what i usually|usual|usually|normally
place|places|somewhere|anywhere|spot|spots|venue|venues|job|jobs|role|roles|position|positions
mind|finding|showing|giving|getting|help|helping|pls|plz|sth|unfortunately|actually|basically|honestly|simply|definitely
absolutely|possible|fully|truly|genuinely|especially|particularly|certain|specific|mainly|mostly|whatever|whichever|whats
would you mind|if you dont mind|if you would|if you could|be so kind|be so good|i was wondering|wondering|wonder|whether
pays|paid|paying|earning|earns|weigh|weighs|weighing|rated|scored|scoring|sleeps|seats|room|rating|time|times|amount|level|speak|speaks|speaking
"""
NOUNS = """
story|stories|tale|tales|item|items|product|products|film|films|movie|movies|picture|pictures|flick|flicks|book|books|game|games|song
songs|track|tracks|album|albums|recipe|recipes|dish|dishes|show|shows|series|title|titles|article|articles
piece|pieces|thing|things|stuff|food|one|ones
job|jobs|role|roles|position|positions|place|places
"""
PRONOUNS = "something|anything"
CALENDAR = """
monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|march|april|may|june|july|august
september|october|november|december|christmas|easter|halloween|mom|mum|dad|god|i|english
"""
CONTRASTS = "but|but rather|rather|but also|also|but even|as well as"
BOTH = "both|simultaneously|at the same time|at once"
REQUESTS = """
want|need|like|love|looking|look|show|give|find|recommend|suggest|prefer|mood|please|something|anything|only
just|search|searching|hate|avoid|without|no|not|nothing|except|exclude|dislike|must|should|feel|fan|after
into|get|need|wish|under|over|least|most|any
"""
COMMANDS = "ignore|disregard|override|forget|bypass|reveal|print|repeat|pretend|act"
MACHINERY = "instruction|instructions|prompt|prompts|rules|system|developer|jailbreak|admin|model"
REASONS = "so|because|cause|cuz|coz|bc"
SPEAKERS = "i|im|ive|id|it|its|they|theyre|their|theirs|mine|my|he|hes|she|shes|we|were|our|that|thats"
CONDITIONS = "as long as|so long as|provided|only if|but only if|on condition"
BEFORE_NAMES = "in|from|at|of|near|by"
CONTENT = "cook|cooking|eat|eating|play|playing|reading|running|life|night|weekend|evening"  # behind "about"
PLACES = "in|at|to|into|inside|around|on|from"
OWNERS = "my|our|his|her|their|this"
QUESTIONS = "who|whos|when|whens|where|wheres|why|how|hows"
STATEMENTS = """
is|was|are|were|am|had|lives|live|fell|forgot|ate|went|got|rained|called|broke|broken|late|postponed|open
turn|print|ignore|will|have|has|did|does|met|saw|came|arrived|left|started|stopped|write|writing|reset|call
tell|see|lost|found|won|born|died|slept|woke|drove|walked|paid
sent|heard|felt|kept|leaves|starts|hurts|crashed|borrowed
"""


@cache
def words(text: str) -> frozenset[str]:
    """The entries of one of the lists above that are single words."""
    return frozenset(entry for entry in _entries(text) if " " not in entry)


@cache
def phrases() -> PhraseTable:
    """Every grammar phrase with its kind; where lists share one, the earlier kind in this order wins."""
    table: PhraseTable = {}
    for kind, text in (
        ("not_only", NOT_ONLY), ("denied", DENIALS), ("optional", OPTIONAL), ("hedge", HEDGES),
        ("affirmation", AFFIRMATIONS), ("negation", NEGATIONS), ("break", BREAKS), ("both", BOTH), ("filler", FILLERS),
    ):  # fmt: skip
        for entry in _entries(text):
            table.setdefault(tuple(entry.split()), kind)
    table |= {
        ("or",): "or",
        ("and",): "and",
        (",",): "comma",
        ("/",): "or",
        ("+",): "and",
        ("either",): "either",
    }
    return table | dict.fromkeys([(".",), (";",), ("!",), ("?",)], "end")


@cache
def grammar_words() -> frozenset[str]:
    """Every word that is a grammar phrase by itself: a value only where it is written like one."""
    return frozenset(phrase[0] for phrase in phrases() if len(phrase) == 1)


@cache
def word_set(name: str) -> frozenset[str]:
    """The single words of one list by its name here: REQUESTS, STATEMENTS, CALENDAR, FILLERS."""
    return words(globals()[name])


@cache
def longest() -> int:
    """Words of the longest grammar phrase."""
    return max(map(len, phrases()))


def _entries(text: str) -> Iterable[str]:
    return (entry.strip() for entry in text.replace("\n", "|").split("|") if entry.strip())
