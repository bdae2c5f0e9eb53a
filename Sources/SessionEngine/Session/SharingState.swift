/// What a session remembers about callers who presented one refresh token more than once (docs/decisions/0019).
///
/// It is valid only for the token whose hash it names: a SuperTokens core on the same table changes the current hash
/// without knowing this column, and thereby voids it.
public struct SharingState: Sendable, Hashable {
    /// The last window in which the current token was presented.
    public struct Window: Sendable, Hashable {
        /// When it opened.
        public var openedAt: Timestamp
        /// Its number, 0 for the first; each window is half as long as the one before.
        public var number: UInt8
        /// Whether nothing but background tasks of the client presented the token in it: the first use of what they were
        /// given is then no activity.
        public var isBackground: Bool

        public init(openedAt: Timestamp, number: UInt8, isBackground: Bool = false) {
            self.openedAt = openedAt
            self.number = number
            self.isBackground = isBackground
        }

        /// Whether a token presented now belongs to this window; after a clock was set back it does.
        func isOpen(at now: Timestamp, first length: Milliseconds) -> Bool {
            now - openedAt <= Self.length(of: number, first: length)
        }

        static func length(of number: UInt8, first length: Milliseconds) -> Milliseconds {
            Milliseconds(length.count >> min(number, 62))
        }
    }

    /// How the current token was issued: what its predecessor may still be given.
    public struct Issue: Sendable, Hashable {
        /// The window it was derived for; `nil` for a random successor or one of another core.
        public var window: UInt8?
        /// Until when the predecessor is given the current token again; `nil` for never.
        public var repeatsUntil: Timestamp?

        public init(window: UInt8?, repeatsUntil: Timestamp?) {
            self.window = window
            self.repeatsUntil = repeatsUntil
        }
    }

    /// The first 16 digits of the current token's hash when this was written.
    public var hashPrefix: String
    /// The last window of the current token; `nil` if it has not been presented yet.
    public var window: Window?
    /// How the current token was issued; `nil` for a session's first token.
    public var issue: Issue?
    /// The session's rotation count when a token of it was last presented twice in one window.
    public var sharedAt: RotationCount?
    /// Whether a late predecessor of the current token is in the audit log already.
    public var hasLatePredecessor: Bool

    public init(
        of token: StoredTokenHash, window: Window? = nil, issue: Issue? = nil, sharedAt: RotationCount? = nil,
        hasLatePredecessor: Bool = false
    ) {
        self.init(
            hashPrefix: Self.prefix(of: token), window: window, issue: issue, sharedAt: sharedAt,
            hasLatePredecessor: hasLatePredecessor)
    }

    private init(
        hashPrefix: String, window: Window?, issue: Issue?, sharedAt: RotationCount?, hasLatePredecessor: Bool
    ) {
        self.hashPrefix = hashPrefix
        self.window = window
        self.issue = issue
        self.sharedAt = sharedAt
        self.hasLatePredecessor = hasLatePredecessor
    }
}

extension SharingState {
    private static func prefix(of token: StoredTokenHash) -> String { String(token.hex.prefix(16)) }

    /// Whether this is the state of a token.
    func belongs(to token: StoredTokenHash) -> Bool { hashPrefix == Self.prefix(of: token) }
}

// Storage keeps the state as one text of seven fields, "-" for an absent one.
extension SharingState {
    private static let absent = "-"
    /// In the place of an issue's window: the current token is the session's first.
    private static let none = "n"

    /// The text that storage keeps.
    public var stored: String {
        let fields = [
            hashPrefix, Self.text(window?.openedAt.milliseconds), Self.text(window?.number),
            issue == nil ? Self.none : Self.text(issue?.window), Self.text(issue?.repeatsUntil?.milliseconds),
            Self.text(sharedAt?.rawValue), "\(bits)",
        ]
        return fields.joined(separator: " ")
    }

    /// Bit 0 for a late predecessor, bit 1 for a window of background tasks.
    private var bits: UInt8 { (hasLatePredecessor ? 1 : 0) | (window?.isBackground == true ? 2 : 0) }

    /// Reads what storage keeps; `nil` for anything that ``stored`` does not produce, which is as good as no state.
    public init?(stored text: String) {
        let fields = text.split(separator: " ", omittingEmptySubsequences: false)
        guard fields.count == 7, fields[6].utf8.count == 1, let bits = UInt8(fields[6]), bits <= 3,
            let openedAt = Self.number(fields[1], Int64.self), let number = Self.number(fields[2], UInt8.self),
            let issuedIn = Self.number(fields[3] == Self.none ? "-" : fields[3], UInt8.self),
            let repeatsUntil = Self.number(fields[4], Int64.self), let sharedAt = Self.number(fields[5], Int64.self)
        else { return nil }
        guard bits & 2 == 0 || openedAt != nil && number != nil else { return nil }
        let issue = Issue(window: issuedIn, repeatsUntil: repeatsUntil.map(Timestamp.init(milliseconds:)))
        self.init(
            hashPrefix: String(fields[0]),
            window: openedAt.flatMap { time in
                number.map {
                    Window(openedAt: Timestamp(milliseconds: time), number: $0, isBackground: bits & 2 != 0)
                }
            },
            issue: fields[3] == Self.none ? nil : issue,
            sharedAt: sharedAt.map(RotationCount.init(stored:)), hasLatePredecessor: bits & 1 != 0)
    }

    private static func text(_ number: (some FixedWidthInteger)?) -> String { number.map { "\($0)" } ?? absent }

    /// The number in a field, or `.some(nil)` for an absent one; `nil` for anything else.
    private static func number<Number: FixedWidthInteger>(
        _ field: Substring, _: Number.Type
    ) -> Number?? {
        if field == absent { return .some(nil) }
        return Number(field).map(Optional.some)
    }
}
