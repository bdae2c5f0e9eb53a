/* Rotation of one session's refresh token by docs/decisions/0019, for spin 6.5. Run it with check.py; README.md has the
 * properties.
 *
 * A token is a number; `parent` and `made` hold its predecessor and the window in which it was given. Token 1 is the
 * session's first. Each request is one atomic step: read, decide, write and audit, or nothing. Time
 * is three events that may occur at any moment: a window elapses, the repeats of a predecessor end, its silence ends.
 *
 * Exactly one environment:
 * -DANYONE    any token that was ever given is presented, or its access token verified, by anyone at any time
 * -DATTACKER  the same for an owner and an attacker, each with what he was given; the attacker copies one token
 * -DDEVICE    an honest device: any number of callers with one cookie jar, and a network that loses, delays, reorders
 *             and doubles any number of messages; with -DOWN_COPIES each caller keeps a copy of its own
 *
 * -DCDI55, -DCDI56  requests follow CDI <= 5.5 (rotation on first use) or 5.6 (on refresh); neither: each picks one
 * -DLAST=n          the number of tokens, at most 7
 * -DWINDOWS=n       the number of windows of a token
 * -DNO_GRACE        CDI 5.6 with a grace period of 0 s
 * -DRANDOM          refresh_token_succession: RANDOM
 * -DOTHER_CORE      a SuperTokens core serves the same table, too
 * -DHOLDS=p         the property that is asserted in every state
 */

#if !defined(CDI55) && !defined(CDI56)
#define CDI55
#define CDI56
#endif
#ifndef LAST
#define LAST 6
#endif
#ifndef WINDOWS
#define WINDOWS 2
#endif
#ifndef HOLDS
#define HOLDS true
#endif
#define NONE 0
#define UNREPEATED 7 /* `made` of a random successor */
#define BIT(t) (1 << (t))
#define BELOW(t) (BIT(t) - 1)
#define HAS(set, t) (((set) & BIT(t)) != 0)

mtype:rule = { onFirstUse, onRefresh, elsewhere };
mtype:verdict = { accepted, refused, revokedBefore, reuse };
mtype:entry = { nothing, refreshed, lateParent, reuseDetected, revokedByOwner };
mtype:window = { unopened, open, elapsed, overdue }; /* overdue: with FLAW_F12S only */
mtype:predecessor = { absent, repeatable, silent, dead };
mtype:caller = { somebody, owner, attacker };

/* The session in storage. `window` and `predecessor` are comparisons of stored times with the clock. */
bool alive = true;
byte current = 1;
byte previous = NONE;
byte number;                                /* of the current token's last window, which is */
mtype:window window = unopened;             /* open or elapsed */
mtype:predecessor predecessor = absent;     /* what happens to the previous token when it is presented */
bool lateNoted;
bool shared;                                /* the session was marked shared in this generation, */
bool sharedBefore;                          /* in the one before */

byte issued = 1;
byte parent[9];
byte made[9];
#define PARENT(t) parent[t]

/* History that the rule never reads. Sets of tokens: bit t is token t. */
byte superseded;     /* a successor of it was used, or it was rotated on refresh, */
byte late;           /* and the time in which it is answered again is over */
byte spent;          /* presenting it is reuse: silence over, another successor was used, or two rotations old */
byte intervals;      /* windows of the current token so far, by the clock */
byte thefts;         /* audit events of reuse */
bool knownStolen;    /* a spent token was presented while the session was alive */
byte noted;          /* the predecessor, if late_parent was audited for it */
bool misnoted;       /* a soft refusal without that event, or with a second one */
bool gaveWrongly;    /* a late predecessor was given a token, or a token that is neither late nor spent was not */
bool revoked;        /* the session was revoked and that was acknowledged, */
bool acceptedLate;   /* and after that a token was accepted */
short owed;          /* changes of the chain without an audit event, less events without a change */
byte pending;        /* the token of a handler between two steps; only flaws have such */

#ifdef SEES
bool seenSecond;     /* a second window was opened */
bool seenRandom;     /* a random successor was given */
bool seenRefusal;    /* a predecessor was refused softly */
bool seenRepeat;     /* a predecessor was given the current token */
#define SEE(what) what = true
#else
#define SEE(what) skip
#endif

/* Scratch of one step, cleared at its end. */
bool nextAlive;
byte nextCurrent;
byte nextPrevious;
byte nextNumber;
mtype:window nextWindow;
mtype:predecessor nextPredecessor;
bool nextLateNoted;
bool nextShared;
bool nextSharedBefore;
byte answer;
bool shortened;
bool isMarked;                              /* what a refresh rotates to is marked shared */
byte scan;
mtype:verdict verdict;
mtype:entry entry;
byte token;
mtype:rule rule;
mtype:caller caller;

/* The rule's conditions, and the planted flaws in them. */

#ifdef FLAW_F3
#define IS_OPEN (nextWindow != unopened)
#else
#define IS_OPEN (nextWindow == open)
#endif

#if defined(FLAW_F1) || defined(FLAW_F2)
#define NEXT 0
#else
#define NEXT (nextWindow == unopened -> 0 : nextNumber + 1)
#endif

#if defined(RANDOM)
#define LIMIT 0
#elif defined(FLAW_F2_NO_LIMIT)
#define LIMIT 6
#else
#define LIMIT WINDOWS
#endif

#if defined(FLAW_F5)
#define IS_REPEATED(t) (nextWindow == open)
#elif defined(FLAW_F12)
#define IS_REPEATED(t) (nextNumber == 0)
#else
#define IS_REPEATED(t) (nextWindow == open && nextNumber == 0 && made[t] == 0)
#endif

#if defined(FLAW_F1) || defined(FLAW_F4) || defined(RANDOM)
#define AFTER_FIRST_USE(t) dead
#elif defined(FLAW_F12S)
#define AFTER_FIRST_USE(t) (IS_REPEATED(t) -> repeatable : (nextWindow == overdue -> dead : silent))
#else
#define AFTER_FIRST_USE(t) (IS_REPEATED(t) -> repeatable : silent)
#endif

#if defined(NO_GRACE) && defined(RANDOM)
#define AFTER_REFRESH dead
#elif defined(NO_GRACE)
#define AFTER_REFRESH silent
#else
#define AFTER_REFRESH repeatable
#endif

#if defined(FLAW_C)
#define IS_REPEATABLE true
#elif defined(FLAW_F13B)
#define IS_REPEATABLE (nextPredecessor == repeatable || nextPredecessor == silent)
#else
#define IS_REPEATABLE (nextPredecessor == repeatable)
#endif

#if defined(FLAW_F13)
#define IS_FORGIVEN(t) (nextPredecessor == repeatable && (t) == PARENT(nextPrevious))
#elif defined(FLAW_F14)
#define IS_FORGIVEN(t) (nextPredecessor != dead && PARENT(t) == nextPrevious)
#else
#define IS_FORGIVEN(t) false
#endif

#if defined(FLAW_F6)
#define IS_SHORTENED(repeat) false
#elif defined(FLAW_F7)
#define IS_SHORTENED(repeat) (repeat)
#else
#define IS_SHORTENED(repeat) (repeat || nextShared || nextSharedBefore)
#endif
#ifdef FLAW_F7B
#define IS_MARKED_WHEN_USED false
#else
#define IS_MARKED_WHEN_USED (nextShared || nextSharedBefore)
#endif
#ifdef FLAW_F8
#define IS_SHORTENED_AT_VERIFY false
#else
#define IS_SHORTENED_AT_VERIFY (nextShared || nextSharedBefore)
#endif

inline read() {
    nextAlive = alive; nextCurrent = current; nextPrevious = previous; nextNumber = number; nextWindow = window;
    nextPredecessor = predecessor; nextLateNoted = lateNoted; nextShared = shared; nextSharedBefore = sharedBefore;
    verdict = accepted; entry = nothing
}

/* Writes the record. What is owed to the audit trail follows from the record itself, not from the rule. */
inline write() {
#ifdef OTHER_CORE
    isStale = isStale && nextCurrent == current && nextWindow == window;
#endif
    owed = owed + (nextAlive != alive || nextCurrent != current || nextPrevious != previous
        || (nextLateNoted && !lateNoted) -> 1 : 0);
    alive = nextAlive; current = nextCurrent; previous = nextPrevious; number = nextNumber; window = nextWindow;
    predecessor = nextPredecessor; lateNoted = nextLateNoted;
#ifdef ATTACKER
    shared = nextShared; sharedBefore = nextSharedBefore
#endif
}

inline audit() {
    owed = owed - (entry != nothing -> 1 : 0);
    thefts = thefts + (entry == reuseDetected -> 1 : 0)
}

/* The successor of t for window n: always the same token. */
inline derive(t, n) {
    answer = 1;
    do
    :: answer <= issued && (PARENT(answer) != (t) || made[answer] != (n)) -> answer++
    :: else -> break
    od;
    if
    :: answer > issued -> issued = answer; parent[answer] = t; made[answer] = n
    :: else
    fi;
    assert(issued <= LAST)
}

inline deriveRandom(t) {
    issued++; answer = issued; parent[answer] = t; made[answer] = UNREPEATED;
    assert(issued <= LAST);
    SEE(seenRandom)
}

/* Token t becomes current and p its predecessor. */
inline succeed(t, p, stage) {
    nextPredecessor = stage;
    nextPrevious = p; nextCurrent = t; nextWindow = unopened; nextNumber = 0; nextLateNoted = false;
    nextSharedBefore = nextShared; nextShared = false; entry = refreshed
}

/* The same by another core, which leaves our column as it is: of another current token, it counts as absent. */
inline succeedElsewhere(t) {
    nextPrevious = nextCurrent; nextCurrent = t; entry = refreshed;
#ifdef FLAW_F10
    isStale = true
#else
    nextWindow = unopened; nextNumber = 0; nextPredecessor = silent; nextLateNoted = false;
    nextShared = false; nextSharedBefore = false
#endif
}

inline reject() {
    verdict = reuse; nextAlive = false; entry = reuseDetected
}

/* A random successor was rotated in at CDI 5.6, and a request of CDI <= 5.5 presents its predecessor. */
#define IS_REFUSED_IN_GRACE (made[nextCurrent] == UNREPEATED && rule == onFirstUse)

/* The rule of refresh: what becomes of the record that was read, and the token that is given. */
inline decideRefresh(t) {
    if
    :: !nextAlive -> verdict = revokedBefore
    :: nextAlive && rule == elsewhere ->
        if
        :: PARENT(t) == nextCurrent -> succeedElsewhere(t)
        :: else
        fi;
        deriveRandom(t)
    :: nextAlive && rule != elsewhere ->
        if
        :: PARENT(t) == nextCurrent -> succeed(t, nextCurrent, AFTER_FIRST_USE(t)); isMarked = IS_MARKED_WHEN_USED
        :: else
        fi;
        if
        :: t == nextCurrent ->
            shortened = IS_SHORTENED(IS_OPEN); isMarked = isMarked || IS_OPEN;
            if
            :: IS_OPEN -> nextShared = true; derive(t, nextNumber)
            :: !IS_OPEN && NEXT < LIMIT ->
                nextNumber = NEXT; nextWindow = open; derive(t, nextNumber);
                if
                :: nextNumber > 0 -> SEE(seenSecond)
                :: else
                fi
            :: else -> deriveRandom(t)
            fi;
            if
            :: rule == onRefresh ->
                succeed(answer, t, AFTER_REFRESH); nextShared = isMarked;
#if defined(FLAW_F7B) || defined(FLAW_F7C)
                shortened = nextShared || nextSharedBefore
#endif
            :: else
            fi
        :: t == nextPrevious && IS_REPEATABLE && made[nextCurrent] != UNREPEATED ->
            SEE(seenRepeat);
            shortened = IS_SHORTENED(true); nextShared = true; answer = nextCurrent
        :: t == nextPrevious && IS_REPEATABLE && made[nextCurrent] == UNREPEATED && rule == onRefresh ->
            /* Storage has hashes only: another random token takes the place of the current one, as in SuperTokens. */
            nextShared = true; nextWindow = unopened; nextNumber = 0; nextLateNoted = false; entry = refreshed;
            shortened = IS_SHORTENED(true); deriveRandom(t); nextCurrent = answer
        :: t == nextPrevious && (IS_REPEATABLE -> IS_REFUSED_IN_GRACE : nextPredecessor == silent) ->
            SEE(seenRefusal);
            verdict = refused; entry = (nextLateNoted -> nothing : lateParent); nextLateNoted = true
        :: t != nextCurrent && t != nextPrevious && IS_FORGIVEN(t) ->
            nextShared = true; answer = nextCurrent
        :: else -> reject()
        fi
    fi
}

/* The rule of verify at CDI <= 5.5: the access token names its parent. At CDI 5.6 a verification changes nothing. */
inline decideVerify(t) {
    if
    :: !nextAlive -> verdict = revokedBefore
    :: nextAlive && PARENT(t) == nextCurrent && rule == elsewhere -> succeedElsewhere(t)
    :: nextAlive && PARENT(t) == nextCurrent && rule != elsewhere ->
        shortened = IS_SHORTENED_AT_VERIFY; succeed(t, nextCurrent, AFTER_FIRST_USE(t))
    :: else
    fi
}

/* History: c succeeds p, so the other successors of p are spent, with theirs, and so is what was before p. */
inline supersede(c, p) {
    superseded = superseded | BIT(p);
    spent = spent | BIT(PARENT(p));
    intervals = 0; noted = 0;
    scan = 1;
    do
    :: scan <= issued ->
        spent = spent | ((PARENT(scan) == p && scan != c) || (PARENT(PARENT(scan)) == p && PARENT(scan) != c)
            -> BIT(scan) : 0);
        scan++
    :: else -> break
    od
}

/* History: the first use of t. Its predecessor is answered again only within its first and only window. */
inline rememberFirstUse(t) {
    if
    :: verdict == accepted && PARENT(t) != NONE && !HAS(superseded, PARENT(t)) && !HAS(spent, t) ->
        if
        :: intervals != 1 || window != open || made[t] != 0 || rule == elsewhere ->
            late = late | BIT(PARENT(t)); FORGET(PARENT(t))
        :: else
        fi;
#ifdef RANDOM
        spent = spent | BIT(PARENT(t));
#endif
        supersede(t, PARENT(t))
    :: else
    fi
}

inline remember(t) {
    knownStolen = knownStolen || (verdict != revokedBefore && HAS(spent, t));
    gaveWrongly = gaveWrongly || (verdict != revokedBefore && !HAS(spent, t)
        && verdict != (HAS(superseded, t) && (HAS(late, t) || (made[current] == UNREPEATED && rule == onFirstUse))
            -> refused : accepted));
    misnoted = misnoted || (verdict == refused && HAS(noted, t) == (entry == lateParent));
    noted = noted | (entry == lateParent -> BIT(t) : 0);
    acceptedLate = acceptedLate || (verdict == accepted && revoked);
    revoked = revoked || verdict == reuse;
    rememberFirstUse(t);
    if
    :: verdict == accepted && rule == onFirstUse && !HAS(superseded, t) ->
        intervals = intervals + (nextWindow == open && (window != open || current != nextCurrent) -> 1 : 0);
        if
        :: nextWindow == open && intervals <= WINDOWS -> MEET(t)
        :: else
        fi
    :: verdict == accepted && rule == onRefresh && !HAS(superseded, t) ->
        MEET(t); supersede(answer, t);
#ifdef NO_GRACE
        late = late | BIT(t); FORGET(t)
#ifdef RANDOM
        ; spent = spent | BIT(t)
#endif
#else
        late = late & ~BIT(t)
#endif
    :: verdict == accepted && HAS(superseded, t) && !HAS(late, t) ->
        MEET(t);
        if
        :: answer != current -> supersede(answer, t)
        :: else
        fi
    :: else
    fi
}

#ifdef OTHER_CORE
bool isStale; /* FLAW_F10: the column belongs to another token than the current one */
#else
#define isStale false
#endif

/* The properties. */

#define ACCEPTS(t) (alive && ((t) == current || PARENT(t) == current || ((t) == previous && predecessor == repeatable)))
/* Token t is accepted exactly if it is not spent and the time in which it is answered again is not over. */
#define IN_LINE(t) ((t) > issued || ACCEPTS(t) == !(HAS(spent, t) || HAS(superseded & late, t)))

#define P1_JUST (thefts == 0 || knownStolen)
#define P2_ONE_CHAIN (!alive || (IN_LINE(1) && IN_LINE(2) && IN_LINE(3) && IN_LINE(4) && IN_LINE(5) && IN_LINE(6) \
    && IN_LINE(7)))
#define P3_CAUGHT (thefts <= 1 && (pending != NONE || !knownStolen || (thefts == 1 && !alive)))
#define P4_ENDED (!acceptedLate && (!revoked || pending != NONE || !alive))
#define P5_AUDITED ((pending != NONE || owed == 0) && !misnoted)
#define P6_LATE (!gaveWrongly)
#define CORE (P1_JUST && P2_ONE_CHAIN && P3_CAUGHT && P4_ENDED && P5_AUDITED && P6_LATE)
#define NEVER_CAUGHT (thefts == 0)
#ifdef SEES
#define NEVER_SECOND (!seenSecond)
#define NEVER_RANDOM (!seenRandom)
#define NEVER_REFUSED (!seenRefusal)
#define NEVER_REPEATED (!seenRepeat)
#endif

#ifdef DEVICE
byte held = BIT(1);  /* the token in the cookie jar; with -DOWN_COPIES the tokens that callers hold */
byte requests;       /* the tokens with which requests are on their way, any number of each */
byte replies;        /* the tokens that replies on their way carry, any number of each */
byte opening;        /* FLAW_F9: handlers that have read that a window has to be opened */

#define CAN_CONTINUE(t) (!HAS(held, t) || ACCEPTS(t))
#define P1_HONEST (thefts == 0 && !knownStolen && (!alive || (CAN_CONTINUE(1) && CAN_CONTINUE(2) && CAN_CONTINUE(3) \
    && CAN_CONTINUE(4) && CAN_CONTINUE(5) && CAN_CONTINUE(6) && CAN_CONTINUE(7))))
#define HONEST (P1_HONEST && CORE)
#define NEVER_NEWEST (!(alive && held == BIT(LAST)))
#endif

#ifdef ATTACKER
byte owns = BIT(1);  /* the tokens that the owner was given */
byte loot;           /* the tokens that the attacker has */
byte stolen;         /* the one that he copied */
byte ownerHere;      /* the tokens that the owner presented in their open window, or while they were repeatable */
byte attackerHere;   /* the same of the attacker */
byte met;            /* the tokens that both presented in one and the same window */
bool gaveWhole;      /* a token was given again, or one that both hold was refreshed or first used, and the access token
                      * beside it was not shortened */

/* In step: both hold token t. Then both presented its predecessor, in one and the same window. */
#define IN_STEP (owns & loot & ~stolen)
#define IN_STEP_ONLY_IF_MET(t) (!HAS(IN_STEP, t) || HAS(met, PARENT(t)))
#define P7_NOT_FOLLOWED (IN_STEP_ONLY_IF_MET(2) && IN_STEP_ONLY_IF_MET(3) && IN_STEP_ONLY_IF_MET(4) \
    && IN_STEP_ONLY_IF_MET(5) && IN_STEP_ONLY_IF_MET(6) && IN_STEP_ONLY_IF_MET(7))
#define P8_SHORTENED (!gaveWhole)
#define NEVER_IN_STEP (IN_STEP == 0)
#define UNFOLLOWED (P7_NOT_FOLLOWED && CORE)
#define FOLLOW (UNFOLLOWED && P8_SHORTENED)
#define ALONE (NEVER_IN_STEP && CORE)

inline MEET(t) {
    ownerHere = ownerHere | (caller == owner -> BIT(t) : 0);
    attackerHere = attackerHere | (caller == attacker -> BIT(t) : 0);
    met = met | (ownerHere & attackerHere & BIT(t))
}

inline FORGET(t) {
    ownerHere = ownerHere & ~BIT(t); attackerHere = attackerHere & ~BIT(t)
}
#else
inline MEET(t) { skip }
inline FORGET(t) { skip }
#endif

/* Between steps nothing is left of one, and the property holds. */
inline done() {
    token = NONE; rule = 0; caller = 0; verdict = 0; entry = 0; answer = NONE; shortened = false; scan = 0;
    nextAlive = false; nextCurrent = NONE; nextPrevious = NONE; nextNumber = 0; nextWindow = 0; nextPredecessor = 0;
    isMarked = false; nextLateNoted = false; nextShared = false; nextSharedBefore = false;
    assert(HOLDS)
}

inline pickRule() {
    if
#ifdef CDI55
    :: rule = onFirstUse
#endif
#ifdef CDI56
    :: rule = onRefresh
#endif
#if defined(OTHER_CORE) && !defined(DEVICE)
    :: rule = elsewhere
#endif
    fi
}

inline pickCore() {
    if
    :: rule = onFirstUse
#ifdef OTHER_CORE
    :: rule = elsewhere
#endif
    fi
}

inline pick(set) {
    if
    :: HAS(set, 1) -> token = 1
    :: HAS(set, 2) -> token = 2
    :: HAS(set, 3) -> token = 3
    :: HAS(set, 4) -> token = 4
    :: HAS(set, 5) -> token = 5
    :: HAS(set, 6) -> token = 6
    :: HAS(set, 7) -> token = 7
    fi
}

/* Whether a request can be decided within the bound on the number of tokens. */
#define IS_CHAIN(t) (alive && ((t) == current || PARENT(t) == current))
#define NEEDS_TOKEN(t) ((IS_CHAIN(t) && !((t) == current && window == open && !isStale)) \
    || (ACCEPTS(t) && (t) == previous && made[current] == UNREPEATED))
#define CAN(t) (rule == elsewhere -> issued < LAST && IS_CHAIN(t) : issued < LAST || !NEEDS_TOKEN(t))

/* A token is presented for refresh. */
inline present(t) {
    scan = issued; read(); decideRefresh(t);
#ifdef ATTACKER
    gaveWhole = gaveWhole || (verdict == accepted && (answer <= scan || HAS(IN_STEP, t)) && !shortened);
#endif
    remember(t); write(); audit();
    printf("    %e presents t%d, %e: %e, t%d\n", caller, t, rule, verdict, answer)
}

/* An access token that came with token t is verified. */
inline verify(t) {
    read(); decideVerify(t);
    acceptedLate = acceptedLate || (verdict == accepted && revoked);
#ifdef ATTACKER
    gaveWhole = gaveWhole || (verdict == accepted && PARENT(t) == current && HAS(IN_STEP, t) && !shortened);
#endif
    rememberFirstUse(t); write(); audit();
    printf("    the access token of t%d is verified, %e\n", t, rule)
}

#ifdef DEVICE
/* How late messages may be, and what an honest device does. README.md says what each means in seconds. */

/* H1: no two successors of one token are on their way or used: a window elapses only when all that was given in it has
 * been lost, or when it was received and no request with the token is on its way. H4: there is a window left.
 */
#define IS_ANSWER_SENT(t) (PARENT(t) == current && HAS(replies, t))
#define IS_ANSWER_ON_ITS_WAY (IS_ANSWER_SENT(2) || IS_ANSWER_SENT(3) || IS_ANSWER_SENT(4) || IS_ANSWER_SENT(5) \
    || IS_ANSWER_SENT(6) || IS_ANSWER_SENT(7))
#if defined(NO_H1) || defined(ONE_CALLER)
#define H1 true
#elif defined(OWN_COPIES)
#define H1 (((held | requests | replies) & (BIT(current) | BIT(previous))) == 0)
#else
#define H1 (!IS_ANSWER_ON_ITS_WAY && (held == BIT(current) || !HAS(requests, current)))
#endif
#ifdef NO_H4
#define H4 true
#else
#define H4 (number + 1 < WINDOWS)
#endif
#define WINDOW_MAY_ELAPSE (isStale || (H1 && H4))

/* H2: nothing is on its way for longer than the silence. FLAW_F12S is given more: S >= W + 2D. */
#if defined(NO_H2) || defined(ONE_CALLER)
#define SILENCE_MAY_END true
#else
#define SILENCE_MAY_END (!HAS(held | requests, previous))
#endif
#ifdef FLAW_F12S
#define S_MAY_PASS (!IS_ANSWER_ON_ITS_WAY && (held == BIT(current) || !HAS(requests, current)))
#endif

/* H5: a device that holds a predecessor presents it while it is answered: at CDI 5.6, within the grace period. */
#if defined(NO_H5)
#define REPEATS_MAY_END true
#elif defined(OWN_COPIES)
#define REPEATS_MAY_END (!HAS(held | replies, previous))
#else
#define REPEATS_MAY_END (!HAS(held, previous))
#endif

/* H3: messages are not later than the lifetime of an access token: a token is refreshed when nothing is on its way that
 * could bring an older one, or itself again. -DEAGER needs less: refreshes as early as one likes, but the jar keeps the
 * newer token, and no request is on its way that is older than the predecessor of a token in use. -DFIRST_ANSWER: the
 * device takes one answer to a token and drops the rest, as a client does whose requests a proxy doubles.
 */
#if defined(NO_H3)
#define MAY_PRESENT(t) true
#define MAY_VERIFY(t) true
#define IS_KEPT(t) true
#elif defined(ONE_CALLER)
#define MAY_PRESENT(t) (requests == 0 && replies == 0)
#define MAY_VERIFY(t) true
#define IS_KEPT(t) true
#elif defined(OWN_COPIES) && defined(CDI56)
#define MAY_PRESENT(t) (((requests | held) & BELOW(t)) == 0 && (replies & BELOW((t) + 1)) == 0)
#define MAY_VERIFY(t) MAY_PRESENT(t)
#elif defined(OWN_COPIES)
#define MAY_PRESENT(t) (((requests | held | replies) & BELOW(PARENT(t))) == 0)
#define MAY_VERIFY(t) MAY_PRESENT(t)
#elif defined(EAGER)
#define MAY_PRESENT(t) ((requests & BELOW(PARENT(t))) == 0)
#define MAY_VERIFY(t) MAY_PRESENT(t)
#define IS_KEPT(t) (BIT(t) > held)
#else
#define MAY_PRESENT(t) ((requests & BELOW(t)) == 0 && (replies & BELOW((t) + 1)) == 0)
#define MAY_VERIFY(t) true
#ifdef FIRST_ANSWER
#define IS_KEPT(t) HAS(held, PARENT(t))
#else
#define IS_KEPT(t) true
#endif
#endif

#else
#define WINDOW_MAY_ELAPSE true
#define REPEATS_MAY_END true
#define SILENCE_MAY_END true
#endif

/* The times in the record are comparisons here: a handler that writes back what it read must not set them back. */
#ifdef FLAW_A
#define TICKS (alive && pending == NONE)
#else
#define TICKS alive
#endif

active proctype Clock() {
end:
    do
    :: d_step { TICKS && window == open && WINDOW_MAY_ELAPSE ->
        window = elapsed; FORGET(current);
        printf("    the window of t%d elapses\n", current); done() }
#ifdef FLAW_F12S
    :: d_step { TICKS && window == elapsed && S_MAY_PASS ->
        window = overdue; printf("    S is over since the last window of t%d was opened\n", current); done() }
#endif
    :: d_step { TICKS && predecessor == repeatable && REPEATS_MAY_END ->
        late = late | BIT(previous); FORGET(previous);
#ifdef RANDOM
        predecessor = dead; spent = spent | BIT(previous);
#else
        predecessor = silent;
#endif
        printf("    the repeats of t%d end\n", previous); done() }
    :: d_step { TICKS && predecessor == silent && SILENCE_MAY_END ->
        predecessor = dead; spent = spent | BIT(previous);
        printf("    the silence of t%d ends\n", previous); done() }
    od
}

/* The user, an administrator, or the expiry of the session. */
active proctype Revocation() {
end:
    d_step { alive ->
        read(); nextAlive = false; entry = revokedByOwner; write(); audit();
        revoked = true; printf("    the session is revoked\n"); done() }
}

#ifdef ANYONE
#define GIVEN BELOW(issued + 1)

#if defined(FLAW_A)
/* No compare-and-swap: the record is read in one step and written in another. */
bool seenAlive;
byte seenCurrent;
byte seenPrevious;
byte seenNumber;
mtype:window seenWindow;
mtype:predecessor seenPredecessor;
bool seenLateNoted;

inline begin() {
    seenAlive = alive; seenCurrent = current; seenPrevious = previous; seenNumber = number; seenWindow = window;
    seenPredecessor = predecessor; seenLateNoted = lateNoted;
    printf("    the record is read for t%d\n", pending)
}

inline finish() {
    read();
    nextAlive = seenAlive; nextCurrent = seenCurrent; nextPrevious = seenPrevious; nextNumber = seenNumber;
    nextWindow = seenWindow; nextPredecessor = seenPredecessor; nextLateNoted = seenLateNoted;
    decideRefresh(pending); remember(pending); write(); audit();
    printf("    t%d, %e: %e, t%d, and the record is written\n", pending, rule, verdict, answer);
    seenAlive = false; seenCurrent = NONE; seenPrevious = NONE; seenNumber = 0; seenWindow = 0; seenPredecessor = 0;
    seenLateNoted = false; pending = NONE
}
#define HAS_TWO_STEPS
#elif defined(FLAW_D)
/* The verdict is written first, the session is revoked by a second step. */
inline begin() {
    read(); decideRefresh(pending); remember(pending);
    if
    :: verdict == reuse -> thefts++; printf("    t%d is reuse: written to the audit trail\n", pending)
    :: else -> write(); audit(); pending = NONE
    fi
}

inline finish() {
    alive = false; pending = NONE
}
#define HAS_TWO_STEPS
#elif defined(FLAW_E)
/* The record is written first, its audit event by a second step. */
inline begin() {
    read(); decideRefresh(pending); remember(pending); write();
    if
    :: entry == refreshed -> printf("    t%d is refreshed, without an audit event yet\n", pending)
    :: else -> audit(); pending = NONE
    fi
}

inline finish() {
    owed--; pending = NONE
}
#define HAS_TWO_STEPS
#endif

active proctype Anyone() {
end:
    do
    :: atomic { pick(GIVEN); pickRule(); caller = somebody;
        if
        :: CAN(token) -> d_step { present(token); done() }
        :: else -> d_step { done() }
        fi }
#ifdef CDI55
    :: atomic { pick(GIVEN); pickCore(); d_step { verify(token); done() } }
#endif
#ifdef HAS_TWO_STEPS
    :: atomic { pending == NONE -> pick(GIVEN); pickRule();
        if
        :: CAN(token) -> d_step { pending = token; begin(); done() }
        :: else -> d_step { done() }
        fi }
    :: atomic { pending != NONE && issued < LAST -> pickRule(); d_step { finish(); done() } }
    :: d_step { pending != NONE -> pending = NONE; printf("    the core dies\n"); done() }
#endif
    od
}
#endif

#ifdef ATTACKER
/* Both present what they were ever given, at any time. A lost answer is one that is never used: no case of its own. */
inline presentAs(set, who) {
    pick(set); pickRule(); caller = who;
    if
    :: CAN(token) -> d_step {
        present(token);
        owns = owns | (verdict == accepted && who == owner -> BIT(answer) : 0);
        loot = loot | (verdict == accepted && who == attacker -> BIT(answer) : 0);
        done() }
    :: else -> d_step { done() }
    fi
}

active proctype Both() {
end:
    do
    :: atomic { presentAs(owns, owner) }
    :: atomic { loot == 0 -> pick(owns);
        d_step { stolen = BIT(token); loot = stolen; printf("    attacker copies t%d\n", token); done() } }
    :: atomic { loot != 0 -> presentAs(loot, attacker) }
#ifdef CDI55
    :: atomic { pick(owns | loot); pickCore(); d_step { verify(token); done() } }
#endif
    od
}
#endif

#ifdef DEVICE
active proctype Device() {
end:
    do
    :: atomic { pick(held);
        if
        :: token < LAST && !HAS(requests, token) && MAY_PRESENT(token) -> d_step {
            requests = requests | BIT(token); printf("    t%d is sent\n", token); done() }
        :: else -> d_step { done() }
        fi }
#ifdef CDI55
    :: atomic { pick(held); pickCore();
        if
        :: MAY_VERIFY(token) -> d_step { verify(token); done() }
        :: else -> d_step { done() }
        fi }
#endif
    od
}

/* A message that arrives may have been one of several, and the others are still on their way. */
inline take(set) {
    if
    :: set = set & ~BIT(token)
#ifndef ONE_CALLER
    :: skip
#endif
    fi
}

#ifdef OWN_COPIES
byte older; /* what the receiver held before; NONE if another caller holds that too */

inline receive() {
    if
    :: skip
    :: HAS(held, 1) && token > 1 -> older = 1
    :: HAS(held, 2) && token > 2 -> older = 2
    :: HAS(held, 3) && token > 3 -> older = 3
    :: HAS(held, 4) && token > 4 -> older = 4
    :: HAS(held, 5) && token > 5 -> older = 5
    :: HAS(held, 6) && token > 6 -> older = 6
    fi;
    d_step {
        held = (held | BIT(token)) & ~(older != NONE -> BIT(older) : 0); older = NONE;
        printf("    t%d is received\n", token); done() }
}
#else
inline receive() {
    d_step { held = (IS_KEPT(token) -> BIT(token) : held); printf("    t%d is received\n", token); done() }
}
#endif

active proctype Network() {
end:
    do
    :: atomic { pick(requests); pickRule(); caller = owner;
        if
        :: CAN(token) -> take(requests); d_step {
            present(token); replies = replies | (verdict == accepted -> BIT(answer) : 0); done() }
        :: else -> d_step { done() }
        fi }
    :: atomic { pick(requests); d_step {
        requests = requests & ~BIT(token); printf("    the requests with t%d are lost\n", token); done() } }
    :: atomic { pick(replies); d_step {
        replies = replies & ~BIT(token); printf("    the replies with t%d are lost\n", token); done() } }
    :: atomic { pick(replies); take(replies); receive() }
#ifdef EATEN
    :: atomic { pick(replies); rule = onFirstUse; d_step {
        printf("    on its way to the device,\n"); verify(token); done() } }
#endif
#ifdef FLAW_F9
    /* Opening a window is no compare-and-swap: two handlers read that there is none, and both count one up. */
    :: d_step { alive && window != open && HAS(requests, current) && opening < 2 ->
        opening++; printf("    t%d: a window has to be opened\n", current); done() }
    :: d_step { alive && opening > 0 && issued < LAST && (window == unopened || number + 1 < WINDOWS) ->
        opening--;
        number = (window == unopened -> 0 : number + 1); window = open; intervals = number + 1;
        derive(current, number); replies = replies | BIT(answer);
        printf("    t%d: window %d is opened, t%d\n", current, number, answer); done() }
#endif
    od
}
#endif
