import CoreDriverInterface
import Foundations
import LosslessJSON
import RevocationFeed
import SessionEngine
import SessionService

/// The feed of ended sessions, for verifiers that do not ask; an extension of the interface (docs/feed.md).
extension CoreAPI {
    /// The news since a cursor, as one JSON document or as server-sent events.
    func readFeed(_ call: Call) async throws -> CoreReply {
        try Catalogue.readFeed.refuseUnknown(call.request.parameterNames)
        var request = try call.decode(Catalogue.readFeed)
        let isStream = call.request.accepts("text/event-stream")
        // A browser says so when it asks again by itself.
        if isStream, let event = call.request.lastEventID { request.after = event }
        let wait = Duration.seconds(request.wait ?? (isStream ? 1 : 0))
        let page = try await service.feed(after: request.after, wait: wait)
        return isStream ? .events(FeedEvents(page).bytes) : .json(page.json)
    }
}

extension FeedPage {
    fileprivate var json: JSONObject {
        var reply = FeedReply()
        (reply.stream, reply.isReset, reply.hasMore) = (stream, isReset, hasMore)
        (reply.age, reply.next) = (age.count, next)
        reply.entries = JSONObjects(entries.map(\.json))
        return Catalogue.feedRead.encode(reply)
    }
}

extension FeedEntry {
    fileprivate var json: JSONObject {
        var entry = FeedEntryReply()
        switch self {
        case .session(let digest, _, _): (entry.kind, entry.value) = ("s", digest.text)
        case .user(let digest, let tenant, _, _):
            (entry.kind, entry.value, entry.tenant) = ("u", digest.text, tenant?.text)
        case .key(let key, _): (entry.kind, entry.value) = ("k", key)
        }
        (entry.time, entry.until) = (time.milliseconds, until?.milliseconds)
        return Catalogue.feedEntry.encode(entry)
    }
}

/// A page as server-sent events (HTML standard, section 9.2): the connection ends after it, and an event source asks again by
/// itself, with the cursor as the id of the last event.
private struct FeedEvents {
    private(set) var bytes: [UInt8] = []

    /// How soon an event source is to ask again, in milliseconds.
    private static let retry = 250

    init(_ page: FeedPage) {
        bytes.append(contentsOf: "retry: \(Self.retry)\n\n".utf8)
        if page.isReset { write("reset", ["stream": .string(page.stream)]) }
        for entry in page.entries { write(nil, entry.json) }
        // The id is that of the whole page: a page that was cut begins again.
        bytes.append(contentsOf: "id: \(page.next)\n".utf8)
        let age = JSONValue.number(JSONNumber(page.age.count))
        write("beat", ["stream": .string(page.stream), "age": age, "more": .bool(page.hasMore)])
    }

    private mutating func write(_ event: String?, _ data: JSONObject) {
        if let event { bytes.append(contentsOf: "event: \(event)\n".utf8) }
        bytes.append(contentsOf: "data: ".utf8)
        data.write(into: &bytes)
        bytes.append(contentsOf: "\n\n".utf8)
    }
}
