package import Foundations
import LosslessJSON

/// One thing that ended, as the feed of ended sessions says it (docs/feed.md).
///
/// Entries are a set: order and repetition mean nothing.
package enum FeedEntry: Sendable, Hashable {
    /// One session; it matters until every access token of it has expired.
    case session(RevocationDigest, at: Timestamp, until: Timestamp)
    /// All sessions of a user, of one tenant or of all, that began before a time.
    case user(RevocationDigest, tenant: RevocationDigest?, at: Timestamp, until: Timestamp)
    /// A signing key that is trusted no more, for ever.
    case key(String, at: Timestamp)

    /// The longest name of a key that is read, in bytes.
    package static let longestKeyID = 256

    /// When it ended.
    package var time: Timestamp {
        switch self {
        case .session(_, let time, _), .user(_, _, let time, _), .key(_, let time): time
        }
    }

    /// Until when it matters; `nil` for ever.
    package var until: Timestamp? {
        switch self {
        case .session(_, _, let until), .user(_, _, _, let until): until
        case .key: nil
        }
    }

    /// Reads an entry.
    ///
    /// - Returns: `nil` for one of a kind that is not known here, which a newer core may send.
    /// - Throws: ``FeedProblem`` for anything that is no entry, and for one of a known kind that cannot be read.
    static func read(_ value: JSONValue) throws(FeedProblem) -> FeedEntry? {
        guard let object = value.object, let kind = object["k"]?.string else { throw .unreadable("an entry") }
        guard ["s", "u", "k"].contains(kind) else { return nil }
        guard let subject = object["v"]?.string, let time = Self.time(object["t"]) else {
            throw .unreadable("an entry of kind \(kind)")
        }
        if kind == "k" {
            guard !subject.isEmpty, subject.utf8.count <= longestKeyID else { throw .unreadable("the name of a key") }
            return .key(subject, at: time)
        }
        guard let digest = RevocationDigest(text: subject), let until = Self.time(object["u"]) else {
            throw .unreadable("an entry of kind \(kind)")
        }
        if kind == "s" { return .session(digest, at: time, until: until) }
        guard let name = object["n"] else { return .user(digest, tenant: nil, at: time, until: until) }
        guard let tenant = name.string.flatMap(RevocationDigest.init(text:)) else { throw .unreadable("a tenant") }
        return .user(digest, tenant: tenant, at: time, until: until)
    }

    private static func time(_ value: JSONValue?) -> Timestamp? {
        guard let milliseconds = value?.number?.int64, milliseconds >= 0 else { return nil }
        return Timestamp(milliseconds: milliseconds)
    }
}

/// Why an answer of a core is no page of the feed; it quotes nothing of the answer.
package enum FeedProblem: Error, Sendable, Equatable, CustomStringConvertible {
    /// It is not JSON, or this part of it is missing or of another type.
    case unreadable(String)
    /// There are more entries than a page has.
    case tooManyEntries
    /// It does not continue what was asked for.
    case outOfTurn

    package var description: String {
        switch self {
        case .unreadable(let part): "the feed cannot be read: \(part)"
        case .tooManyEntries: "the feed has more than \(FeedPage.longest) entries in one answer"
        case .outOfTurn: "the feed is not the one that was asked for"
        }
    }
}
