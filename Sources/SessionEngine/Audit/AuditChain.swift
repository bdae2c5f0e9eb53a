import Crypto
public import Foundations

/// An entry of the audit log as the chain of its pages covers it: what is stored, whether this release understands it or not.
public struct ChainedEntry: Sendable, Equatable {
    /// Its number in the audit log of its app.
    public var sequence: Int64
    /// When, in milliseconds since 1970.
    public var time: Int64
    /// What happened.
    public var event: String
    /// The session; empty where there is none.
    public var handle: String
    /// The tenant, if there is one.
    public var tenant: String?
    /// Who did it, if that was recorded.
    public var actor: String?
    /// How a session ended, if one did.
    public var means: String?
    /// The text of the other details.
    public var details: String
    /// What the log says about the user.
    public var user: User

    /// The user of an entry, whose id can be erased without a change of the entry's hash.
    public enum User: Sendable, Equatable {
        /// It concerns no user.
        case none
        /// The id, with the salt of this user; without a salt it was never chained.
        case known(String, salt: String?)
        /// The user was erased: what the log shows, and the digest that was chained.
        case erased(String, digest: String)
    }

    public init(
        sequence: Int64, time: Int64, event: String, handle: String, tenant: String?, actor: String?, means: String?,
        details: String, user: User
    ) {
        self.sequence = sequence
        self.time = time
        self.event = event
        self.handle = handle
        self.tenant = tenant
        self.actor = actor
        self.means = means
        self.details = details
        self.user = user
    }

    /// The SHA-256 of the entry, in which a digest stands for the user.
    ///
    /// - Returns: `nil` for a user without a salt, and for a pseudonym that is not the one of its digest.
    func hash(of app: AppID) -> String? {
        let digest: String?
        switch user {
        case .none: digest = nil
        case .known(let id, let salt?): digest = AuditChain.userDigest(id, salt: salt)
        case .erased(let shown, let stored) where shown == AuditChain.pseudonym(stored): digest = stored
        case .known, .erased: return nil
        }
        return AuditChain.hash(
            "tessera audit entry 1",
            [app.rawValue, "\(sequence)", "\(time)", event, handle, tenant, digest, actor, means, details])
    }
}

/// A page of the chain: consecutive entries of an app's audit log under one hash, which the next page contains.
///
/// An entry that is removed, changed or inserted later makes a hash wrong (docs/decisions/0025).
public struct AuditPage: Sendable, Equatable {
    /// Its number; the first page of an app is 1.
    public var number: Int64
    /// The number of its first entry.
    public var first: Int64
    /// The number of its last entry.
    public var last: Int64
    /// How many entries it has.
    public var count: Int64
    /// The latest time of its entries, in milliseconds since 1970.
    public var newestTime: Int64
    /// When it was made, in milliseconds since 1970.
    public var madeAt: Int64
    /// The beginning of the hash of each entry, to find the one that is wrong.
    public var marks: String
    /// The hash of the entries' hashes.
    public var entriesHash: String
    /// The hash of the page before it; 64 zeros for the first.
    public var previous: String
    /// The hash of all this.
    public var hash: String

    public init(
        number: Int64, first: Int64, last: Int64, count: Int64, newestTime: Int64, madeAt: Int64, marks: String,
        entriesHash: String, previous: String, hash: String
    ) {
        self.number = number
        self.first = first
        self.last = last
        self.count = count
        self.newestTime = newestTime
        self.madeAt = madeAt
        self.marks = marks
        self.entriesHash = entriesHash
        self.previous = previous
        self.hash = hash
    }

    /// The most entries of a page; a log is trimmed by whole pages.
    public static let largestCount = 500

    /// A page of entries.
    ///
    /// - Parameters:
    ///   - app: whose audit log.
    ///   - entries: up to ``largestCount`` of them, the oldest first.
    ///   - previous: the page before; `nil` for the first.
    ///   - now: the time.
    /// - Returns: `nil` when there are no entries, or when one cannot be chained yet because its user has no salt.
    public init?(of app: AppID, _ entries: [ChainedEntry], after previous: AuditPage?, at now: Timestamp) {
        let hashes = entries.compactMap { $0.hash(of: app) }
        guard let first = entries.first, let last = entries.last, hashes.count == entries.count else { return nil }
        self.init(
            number: (previous?.number ?? 0) &+ 1, first: first.sequence, last: last.sequence,
            count: Int64(entries.count),
            newestTime: entries.map(\.time).max() ?? 0, madeAt: now.milliseconds,
            marks: hashes.map(AuditChain.mark).joined(),
            entriesHash: AuditChain.hash("tessera audit entries 1", hashes),
            previous: previous?.hash ?? AuditChain.start, hash: "")
        hash = expectedHash(of: app)
    }

    /// The hash that the page has to have.
    func expectedHash(of app: AppID) -> String {
        AuditChain.hash(
            "tessera audit page 1",
            [
                app.rawValue, "\(number)", "\(first)", "\(last)", "\(count)", "\(newestTime)", "\(madeAt)", marks,
                entriesHash, previous,
            ])
    }
}

/// The hashes of the audit log's chain.
public enum AuditChain {
    /// Stands for the page before the first one.
    public static let start = String(repeating: "0", count: 64)

    private static let markLength = 8

    /// The digest that stands for a user in the hashes of entries.
    ///
    /// - Parameters:
    ///   - id: the user.
    ///   - salt: random, of this user, deleted when the user is erased: then ids cannot be tried.
    public static func userDigest(_ id: String, salt: String) -> String {
        hash("tessera audit user 1", [salt, id])
    }

    /// What the log shows in the place of an erased user.
    public static func pseudonym(_ digest: String) -> String { "erased-\(digest.prefix(16))" }

    static func mark(_ hash: String) -> String { String(hash.prefix(markLength)) }

    /// The marks of a page, one by one.
    static func marks(_ text: String) -> [Substring] {
        var (marks, rest) = ([Substring](), text[...])
        while !rest.isEmpty {
            marks.append(rest.prefix(markLength))
            rest = rest.dropFirst(markLength)
        }
        return marks
    }

    /// SHA-256 over a purpose and texts, each with its length before it, so that no two lists give the same bytes.
    static func hash(_ purpose: String, _ texts: [String?]) -> String {
        var hash = SHA256()
        for text in [purpose] + texts {
            let bytes = text.map { Array($0.utf8) }
            withUnsafeBytes(of: (bytes.map { UInt64($0.count) } ?? .max).bigEndian) { hash.update(bufferPointer: $0) }
            hash.update(data: bytes ?? [])
        }
        return Hex.encode(Array(hash.finalize()))
    }
}
