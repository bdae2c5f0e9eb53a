/* Rotation of one session's refresh token, for spin 6.5. Run it with check.py; README.md says what each property means.
 *
 * A token is a number. With deterministic successors the child of token t is t + 1. With -DRANDOM each refresh mints a
 * number of its own and `parent` remembers where it came from. Token 1 is the one that the session was created with.
 *
 * Who takes part: three callers of one device (tabs), a network that loses, delays, reorders and copies what they send
 * and get, an owner who may end the session, a clock, and with -DTHIEF somebody with a copy of a token. A storage step
 * is one indivisible step: read, decide, write and audit, or nothing. A storage fault before the commit is, for
 * everybody, a lost request; one after the commit is a lost reply. Each call and each copy of one has a slot.
 *
 * -DCDI55   requests may follow the rule of CDI <= 5.5, at first use     (neither: both, each request picks one)
 * -DCDI56   requests may follow the rule of CDI 5.6, at once
 * -DCOPIES  each caller keeps its own copy of the newest token; otherwise they share one cookie jar
 * -DCOPIED=n  messages that the network can hold a copy of at one time, 0 to 3
 * -DLAST=n  the number of tokens, at most 7
 * -DNO_GRACE  a grace of 0 s
 *
 * An honest device. A client knows what it sent, but not what is still on its way, so honesty is a discipline:
 *   D1  It uses a token only when nothing is on its way any more of a refresh with an older one, no request and no
 *       reply: each was answered or is lost for good. To use a token is to present it for refresh and, at CDI <= 5.5,
 *       also to have its access token verified. Callers with copies of their own wait for each other as well.
 *   D2  At CDI 5.6 it has the answer to a refresh before the grace is over, however often it has to try again.
 * -DHASTY_REFRESH and -DHASTY_VERIFY drop the halves of D1, -DTARDY drops D2. Spin then shows how an honest user is
 * signed out, which no rule can avoid: a late request with a used-up token looks the same whoever sent it. What has to
 * hold with a thief holds without this discipline.
 */

#if !defined(CDI55) && !defined(CDI56)
#define CDI55
#define CDI56
#endif
#ifndef LAST
#define LAST 5
#endif
#ifndef COPIED
#define COPIED 1
#endif
#ifdef NO_GRACE
#define GRACE false
#else
#define GRACE true
#endif
#define NONE 0
#define TABS 3
#define SLOTS (TABS + COPIED)
#define BIT(t) (1 << (t))

mtype:rule = { atFirstUse, atOnce };
mtype:phase = { idle, requested, replied, decided, halfway };
mtype:verdict = { accepted, ended, reuse };
mtype:entry = { nothing, refreshed, firstUse, theftFound, revokedByOwner };

/* The session as storage has it. `inGrace` stands for now <= rotatedAt + grace. */
bool alive = true;
byte current = 1;
byte previous = NONE;
bool inGrace;
bool isCurrentUsed;

/* What the device and the network have. `...Names`: the access token beside it names its parent, as CDI <= 5.5 has it;
 * only then does verify look at the record. The slots after the tabs' are the network's copies. */
#ifdef COPIES
byte held[TABS] = 1;
bool heldNames[TABS];
#define HELD(i) held[i]
#define HELD_NAMES(i) heldNames[i]
#else
byte jar = 1;
bool jarNames;
#define HELD(i) jar
#define HELD_NAMES(i) jarNames
#endif
mtype:phase phase[SLOTS] = idle;
byte sent[SLOTS];
byte got[SLOTS];
bool gotNames[SLOTS];

/* History that the rule never reads: the properties compare it with what the rule did. */
byte spent;         /* bit t: a child of t was used, or t was rotated out and its grace is over */
byte issued = 1;    /* the newest token that was ever handed out */
byte loot;          /* bit t: the thief has token t */
byte lootNames;     /* bit t: and an access token beside it that names its parent */
byte thefts;        /* audit records of theft */
bool knownStolen;   /* a spent token was presented while the session lived */
bool revoked;       /* the end of the session was acknowledged or written down */
bool acceptedLate;  /* and after that a token was accepted */
short owed;         /* changes of the record without an audit record, less records without a change */
byte busy;          /* handlers between two steps; stays 0 unless a flaw makes two steps of one */

/* Scratch of one step, cleared at its end: the record as it was read and shall be, and the decision. */
bool nextAlive;
byte nextCurrent;
byte nextPrevious;
bool nextInGrace;
bool nextIsUsed;
byte answer;
mtype:rule rule;
mtype:verdict verdict;
mtype:entry entry = nothing;

inline clear() {
    nextAlive = false; nextCurrent = NONE; nextPrevious = NONE; nextInGrace = false; nextIsUsed = false;
    answer = NONE; rule = 0; verdict = 0; entry = nothing
}

#ifdef RANDOM
byte parent[8];
#define PARENT(t) parent[t]
#define ROOM(t) (issued < LAST)
#define MINT(t) issued++; parent[issued] = t; answer = issued
#define WITHOUT_WINDOW(r) ((r) == atFirstUse)
#else
#define PARENT(t) ((t) - 1)
#define ROOM(t) ((t) < LAST)
#define MINT(t) answer = (t) + 1; issued = (issued > answer -> issued : answer)
#define WITHOUT_WINDOW(r) false
#endif

#ifdef FLAW_ENDLESS_PARENT
#define WINDOW(grace, used) true
#else
#define WINDOW(grace, used) ((grace) && !(used))
#endif

inline read() {
    nextAlive = alive; nextCurrent = current; nextPrevious = previous; nextInGrace = inGrace;
    nextIsUsed = isCurrentUsed
}

/* Writes the record. What is owed to the audit trail follows from the record itself, not from what the rule says. */
inline write() {
    owed = owed + (nextAlive != alive || nextCurrent != current || nextPrevious != previous
        || nextInGrace != inGrace || nextIsUsed != isCurrentUsed -> 1 : 0);
    alive = nextAlive; current = nextCurrent; previous = nextPrevious; inGrace = nextInGrace;
    isCurrentUsed = nextIsUsed
}

inline audit() {
    owed = owed - (entry != nothing -> 1 : 0);
    thefts = thefts + (entry == theftFound -> 1 : 0)
}

inline rotate(newPrevious, newCurrent, used) {
    nextPrevious = newPrevious; nextCurrent = newCurrent; nextInGrace = GRACE; nextIsUsed = used;
    entry = refreshed
}

#ifdef FLAW_REFRESH_UNNOTED
#define NOTES_REFRESH false
#else
#define NOTES_REFRESH true
#endif
#ifdef FLAW_VERIFY_UNNOTED
#define NOTES_VERIFY false
#else
#define NOTES_VERIFY true
#endif

/* The child is current already, since a driver of CDI 5.6 rotated, and here it is used: this closes the window. */
inline noteFirstUse(isNoted) {
    if
    :: isNoted && nextPrevious != NONE && nextInGrace && !nextIsUsed -> nextIsUsed = true; entry = firstUse
    :: else
    fi
}

/* The rule of refresh: what becomes of the record that was read, and the child that is handed out. */
inline decideRefresh(t) {
    verdict = accepted; entry = nothing; answer = NONE;
    if
    :: !nextAlive -> verdict = ended
    :: nextAlive && rule == atFirstUse && t == nextCurrent -> noteFirstUse(NOTES_REFRESH); MINT(t)
    :: nextAlive && rule == atFirstUse && PARENT(t) == nextCurrent -> rotate(nextCurrent, t, true); MINT(t)
    :: nextAlive && rule == atOnce && (t == nextCurrent || PARENT(t) == nextCurrent) ->
        MINT(t);
        rotate(t, answer, false)
    :: nextAlive && t == nextPrevious && WINDOW(nextInGrace, nextIsUsed) && !WITHOUT_WINDOW(rule) ->
#ifdef RANDOM
        MINT(t);
        nextCurrent = answer; entry = refreshed
#else
        answer = nextCurrent
#endif
    :: else -> verdict = reuse; nextAlive = false; entry = theftFound
    fi
}

/* The rule of verify at CDI <= 5.5, for an access token that names its parent and came with token t. At CDI 5.6, and
 * for access tokens that name none, verify writes nothing: it is no step here.
 */
inline decideVerify(t) {
    verdict = accepted; entry = nothing; answer = NONE;
    if
    :: !nextAlive -> verdict = ended
    :: nextAlive && PARENT(t) == nextCurrent -> rotate(nextCurrent, t, true)
    :: nextAlive && t == nextCurrent -> noteFirstUse(NOTES_VERIFY)
    :: else
    fi
}

inline pickRule() {
    if
#ifdef CDI55
    :: rule = atFirstUse
#endif
#ifdef CDI56
    :: rule = atOnce
#endif
    fi
}

/* What a refresh adds to the history. */
inline remember(t) {
    knownStolen = knownStolen || (verdict != ended && (spent & BIT(t)));
    acceptedLate = acceptedLate || (verdict == accepted && revoked);
    spent = spent | (verdict == accepted -> BIT(PARENT(t)) : 0) | (GRACE -> 0 : BIT(nextPrevious));
    revoked = revoked || verdict == reuse
}

inline verify(t) {
    d_step {
        read(); decideVerify(t);
        acceptedLate = acceptedLate || (verdict == accepted && revoked);
        spent = spent | (verdict == accepted -> BIT(PARENT(t)) : 0);
        write(); audit(); clear()
    }
}

#if COPIED == 0
#define EVERY_SLOT(is, t) (is(0, t) && is(1, t) && is(2, t))
#elif COPIED == 1
#define EVERY_SLOT(is, t) (is(0, t) && is(1, t) && is(2, t) && is(3, t))
#elif COPIED == 2
#define EVERY_SLOT(is, t) (is(0, t) && is(1, t) && is(2, t) && is(3, t) && is(4, t))
#else
#define EVERY_SLOT(is, t) (is(0, t) && is(1, t) && is(2, t) && is(3, t) && is(4, t) && is(5, t))
#endif

/* D1. */
#define HAS_SENT_NONE_OLDER(i, t) (phase[i] == idle || sent[i] >= (t))
#define NOTHING_OLDER(t) (EVERY_SLOT(HAS_SENT_NONE_OLDER, t) && HELD(0) >= (t) && HELD(1) >= (t) && HELD(2) >= (t))
#ifdef HASTY_REFRESH
#define MAY_PRESENT(t) true
#else
#define MAY_PRESENT(t) NOTHING_OLDER(t)
#endif
#ifdef HASTY_VERIFY
#define MAY_VERIFY(t) true
#else
#define MAY_VERIFY(t) NOTHING_OLDER(t)
#endif

/* D2. */
#define IS_NOT_WAITING(i, t) (phase[i] == idle || phase[i] == replied || sent[i] != (t))
#ifdef TARDY
#define MAY_TICK true
#else
#define MAY_TICK (EVERY_SLOT(IS_NOT_WAITING, previous) \
    && HELD(0) != previous && HELD(1) != previous && HELD(2) != previous)
#endif

inline forget(i) {
    phase[i] = idle; sent[i] = NONE; got[i] = NONE; gotNames[i] = false
}

/* The core's answer is on its way, if it has a token in it; the client learns nothing else that matters here. */
inline reply(i) {
    printf("    slot %d presents t%d, %e: %e, t%d\n", i, sent[i], rule, verdict, answer);
    if
    :: verdict == accepted -> phase[i] = replied; got[i] = answer; gotNames[i] = (rule == atFirstUse)
    :: else -> forget(i)
    fi;
    clear()
}

#if defined(FLAW_TWO_STEPS)
/* No compare-and-swap: the record is read in one step and written in another. */
bool seenAlive[SLOTS];
byte seenCurrent[SLOTS];
byte seenPrevious[SLOTS];
bool seenInGrace[SLOTS];
bool seenIsUsed[SLOTS];

inline handle(i) {
    seenAlive[i] = alive; seenCurrent[i] = current; seenPrevious[i] = previous; seenInGrace[i] = inGrace;
    seenIsUsed[i] = isCurrentUsed;
    phase[i] = decided; busy++;
    printf("    slot %d: the record is read for t%d\n", i, sent[i]);
    clear()
}

inline finish(i) {
    nextAlive = seenAlive[i]; nextCurrent = seenCurrent[i]; nextPrevious = seenPrevious[i];
    nextInGrace = seenInGrace[i]; nextIsUsed = seenIsUsed[i];
    seenAlive[i] = false; seenCurrent[i] = NONE; seenPrevious[i] = NONE; seenInGrace[i] = false;
    seenIsUsed[i] = false;
    decideRefresh(sent[i]); remember(sent[i]); write(); audit();
    busy--;
    reply(i)
}
#elif defined(FLAW_VERDICT_FIRST)
/* The verdict is written down first, the session is removed by a second step. */
inline handle(i) {
    read(); decideRefresh(sent[i]); remember(sent[i]);
    if
    :: verdict == reuse -> thefts++; phase[i] = halfway; busy++;
        printf("    slot %d presents t%d: theft, written down\n", i, sent[i]);
        clear()
    :: else -> write(); audit(); reply(i)
    fi
}

inline finish(i) {
    alive = false; busy--;
    forget(i); clear()
}
#elif defined(FLAW_AUDIT_AFTERWARDS)
/* The record is written first, its audit record by a second step. */
inline handle(i) {
    read(); decideRefresh(sent[i]); remember(sent[i]); write();
    if
    :: entry == refreshed -> phase[i] = halfway; got[i] = answer; gotNames[i] = (rule == atFirstUse); busy++;
        printf("    slot %d presents t%d: rotated, not audited yet\n", i, sent[i]);
        clear()
    :: else -> audit(); reply(i)
    fi
}

inline finish(i) {
    owed--; busy--;
    phase[i] = replied; clear()
}
#else
inline handle(i) {
    read(); decideRefresh(sent[i]); remember(sent[i]); write(); audit();
    reply(i)
}
#define ONE_STEP
#endif

/* What can become of a message, whoever sent it. */
#define TRAVEL(i) \
    :: atomic { phase[i] == requested && ROOM(sent[i]) -> pickRule(); d_step { handle(i) } } \
    :: atomic { phase[i] == requested -> printf("    slot %d: request with t%d lost\n", i, sent[i]); forget(i) } \
    :: atomic { phase[i] == replied -> printf("    slot %d: reply with t%d lost\n", i, got[i]); forget(i) }

#ifdef ONE_STEP
#define SECOND_STEP(i)
#else
#define SECOND_STEP(i) \
    :: atomic { phase[i] == decided || phase[i] == halfway -> pickRule(); d_step { finish(i) } } \
    :: atomic { phase[i] == decided || phase[i] == halfway -> \
        printf("    slot %d: the core dies\n", i); busy--; forget(i) }
#endif

/* A caller: presents the newest token that it knows, takes what comes back, and has access tokens verified. A request
 * to verify needs no time on its way: once a newer token is known, a late one changes nothing.
 */
active [TABS] proctype Tab() {
    byte me = _pid;
end:
    do
    :: atomic { phase[me] == idle && HELD(me) < LAST && MAY_PRESENT(HELD(me)) ->
        sent[me] = HELD(me); phase[me] = requested; printf("    slot %d sends t%d\n", me, sent[me]) }
    TRAVEL(me)
    SECOND_STEP(me)
    :: atomic { phase[me] == replied ->
        printf("    slot %d receives t%d\n", me, got[me]); HELD(me) = got[me]; HELD_NAMES(me) = gotNames[me];
        forget(me) }
#ifdef CDI55
    :: atomic { HELD_NAMES(me) && MAY_VERIFY(HELD(me)) ->
        printf("    slot %d has the access token of t%d verified\n", me, HELD(me)); verify(HELD(me)) }
#endif
    od
}

#if COPIED > 0
/* The network's copies: of a request that comes again (or of one that its sender gave up), or of a reply. */
#define COPY_OF(i) \
    :: atomic { phase[me] == idle && (phase[i] == requested || phase[i] == replied) -> \
        phase[me] = phase[i]; sent[me] = sent[i]; got[me] = got[i]; gotNames[me] = gotNames[i]; \
        SET_RECEIVER(me, i) \
        printf("    slot %d is a copy of slot %d\n", me, i) }

#ifdef COPIES
byte receiver[SLOTS];
#define SET_RECEIVER(me, i) receiver[me] = i;
#define RECEIVER(me) receiver[me]
#else
#define SET_RECEIVER(me, i)
#define RECEIVER(me) 0
#endif

active [COPIED] proctype Network() {
    byte me = _pid;
end:
    do
    COPY_OF(0)
    COPY_OF(1)
    COPY_OF(2)
    TRAVEL(me)
    SECOND_STEP(me)
    :: atomic { phase[me] == replied ->
        printf("    slot %d: t%d is received\n", me, got[me]);
        HELD(RECEIVER(me)) = got[me]; HELD_NAMES(RECEIVER(me)) = gotNames[me];
        forget(me) }
    od
}
#endif

/* The user, an administrator or the end of the session's time. */
active proctype Owner() {
end:
    d_step { alive ->
        read(); nextAlive = false; entry = revokedByOwner; write(); audit();
        revoked = true; printf("    the session is revoked\n"); clear() }
}

active proctype Clock() {
end:
    do
    :: atomic { alive && inGrace && MAY_TICK ->
        inGrace = false; spent = spent | BIT(previous); printf("    the grace of t%d is over\n", previous) }
    od
}

#define HAS(t) ((t) <= LAST && (loot & BIT(t)))

#ifdef THIEF
byte mine;

inline pickLoot() {
    if
    :: HAS(1) -> mine = 1
    :: HAS(2) -> mine = 2
    :: HAS(3) -> mine = 3
    :: HAS(4) -> mine = 4
    :: HAS(5) -> mine = 5
    :: HAS(6) -> mine = 6
    :: HAS(7) -> mine = 7
    fi
}

/* Copies one token at some moment and keeps whatever he is given for it; presents any of his tokens at any moment. */
active proctype Thief() {
end:
    do
    :: atomic { loot == 0 -> loot = BIT(HELD(0)); lootNames = (HELD_NAMES(0) -> loot : 0);
        printf("    the thief copies t%d\n", HELD(0)) }
    :: atomic { loot != 0 -> pickLoot();
        if
        :: ROOM(mine) -> pickRule();
            d_step {
                read(); decideRefresh(mine); remember(mine); write(); audit();
                printf("    the thief presents t%d, %e: %e, t%d\n", mine, rule, verdict, answer);
                loot = loot | (verdict == accepted -> BIT(answer) : 0);
                lootNames = lootNames | (verdict == accepted && rule == atFirstUse -> BIT(answer) : 0);
                clear()
            }
        :: else
        fi;
        mine = NONE }
#ifdef CDI55
    :: atomic { loot != 0 -> pickLoot();
        if
        :: lootNames & BIT(mine) ->
            printf("    the thief has the access token of t%d verified\n", mine); verify(mine)
        :: else
        fi;
        mine = NONE }
#endif
    od
}
#endif

/* The properties. */

#define REFRESHABLE(t) (alive && ((t) == current || PARENT(t) == current \
    || ((t) == previous && WINDOW(inGrace, isCurrentUsed))))
#define IS_SPENT(t) ((spent & BIT(t)) != 0)
/* Token t: one that may be refreshed is exactly one that is not spent; all are spent but the newest and its parent. */
#define IN_LINE(t) ((t) > issued || (REFRESHABLE(t) == !IS_SPENT(t) && ((t) + 1 >= issued || IS_SPENT(t))))

#define P1_HONEST (thefts == 0 && !knownStolen \
    && (!alive || (REFRESHABLE(HELD(0)) && REFRESHABLE(HELD(1)) && REFRESHABLE(HELD(2)))))
#define P1_JUST (thefts == 0 || knownStolen)
#define P2_ONE_CHAIN (!alive || (IN_LINE(1) && IN_LINE(2) && IN_LINE(3) && IN_LINE(4) && IN_LINE(5) \
    && IN_LINE(6) && IN_LINE(7)))
#define P3_CAUGHT (thefts <= 1 && (busy > 0 || !knownStolen || (thefts == 1 && !alive)))
#define P4_ENDED (!acceptedLate && (!revoked || busy > 0 || !alive))
#define P5_AUDITED (busy > 0 || owed == 0)

/* The thief was given a child and a grandchild of what he copied, and nobody has noticed: the victim can go on. */
#define RIDES(t) (HAS(t) && (loot & BIT(PARENT(t))) && (loot & BIT(PARENT(PARENT(t)))))
#define FOLLOWED (alive && REFRESHABLE(HELD(0)) && (RIDES(3) || RIDES(4) || RIDES(5) || RIDES(6) || RIDES(7)))

/* Those that spin proves, and those that a flaw breaks. */
ltl p1_honest { [] P1_HONEST }
ltl p1_just { [] P1_JUST }
ltl p2_one_chain { [] P2_ONE_CHAIN }
ltl p3_caught { [] P3_CAUGHT }
ltl p4_ended { [] P4_ENDED }
ltl p5_audited { [] P5_AUDITED }
/* Those that have to fail: what the model is about does happen in it. */
ltl not_followed { [] !FOLLOWED }
ltl never_newest { [] !(alive && HELD(0) == LAST && HELD(1) == LAST && HELD(2) == LAST) }
ltl never_caught { [] !(thefts == 1) }
/* All that have to hold, in one run: the claim looks at every state before every step. */
#define REST assert(P3_CAUGHT); assert(P4_ENDED); assert(P5_AUDITED)

never honest {
    do
    :: atomic { assert(P1_HONEST); assert(P1_JUST); assert(P2_ONE_CHAIN); REST }
    od
}

never thief {
    do
    :: atomic { assert(P1_JUST); assert(P2_ONE_CHAIN); REST }
    od
}

never random {
    do
    :: atomic { assert(!FOLLOWED); REST }
    od
}
