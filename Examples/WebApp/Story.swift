import SessionEngine
import Synchronization
import TesseraHummingbird

/// What became of each refresh token, as it is drawn; no real application keeps refresh tokens.
final class Story: Sendable {
    private struct Chapter {
        var tokens: [(text: String, parent: Int?, time: Timestamp)] = []
        var owner: Int?
        var thief: Int?
        var refusals: [(token: Int?, isThief: Bool, what: String, time: Timestamp)] = []
    }

    private let chapters = Mutex<[String: Chapter]>([:])

    /// A session was created.
    func begin(_ session: Session, at time: Timestamp) {
        guard let token = session.refreshToken?.exposed else { return }
        chapters.withLock { chapters in
            if chapters.count > 50 { chapters.removeAll() }
            chapters[session.handle.rawValue] = Chapter(tokens: [(token, nil, time)], owner: 0)
        }
    }

    /// Somebody exchanged a token for another.
    func went(on session: Session, _ visitor: Visitor, at time: Timestamp) {
        guard let token = session.refreshToken?.exposed else { return }
        change(session.handle.rawValue) { chapter in
            let parent = chapter.tokens.firstIndex { $0.text == visitor.refreshToken }
            let index = chapter.tokens.firstIndex { $0.text == token } ?? chapter.tokens.count
            if index == chapter.tokens.count { chapter.tokens.append((token, parent, time)) }
            if visitor.isThief { chapter.thief = index } else { chapter.owner = index }
        }
    }

    /// Somebody came with a token and was given nothing.
    func refused(_ visitor: Visitor, _ what: String, at time: Timestamp) {
        chapters.withLock { chapters in
            for (handle, var chapter) in chapters {
                guard let index = chapter.tokens.firstIndex(where: { $0.text == visitor.refreshToken }) else {
                    continue
                }
                chapter.refusals.append((index, visitor.isThief, what, time))
                chapters[handle] = chapter
            }
        }
    }

    /// The current token of the owner, which from now on the thief has, too.
    ///
    /// - Parameter handle: the session's.
    func steal(from handle: String) -> String? {
        change(handle) { chapter in
            chapter.thief = chapter.owner
            return chapter.owner.map { chapter.tokens[$0].text }
        } ?? nil
    }

    @discardableResult
    private func change<Result: Sendable>(_ handle: String, _ body: (inout Chapter) -> Result) -> Result? {
        chapters.withLock { chapters in chapters[handle] == nil ? nil : body(&chapters[handle, default: Chapter()]) }
    }

    /// A session's family of tokens; they are called by their order, never by their text.
    func json(of handle: String) -> JSONObject {
        let chapter = chapters.withLock { $0[handle] } ?? Chapter()
        func name(_ index: Int?) -> JSONValue { index.map { .integer(Int64($0 + 1)) } ?? .null }
        return [
            "tokens": .array(
                chapter.tokens.map { ["from": name($0.parent), "time": .integer($0.time.milliseconds)] }),
            "owner": name(chapter.owner), "thief": name(chapter.thief),
            "refusals": .array(
                chapter.refusals.suffix(20).map {
                    [
                        "token": name($0.token), "by": $0.isThief ? "thief" : "owner", "what": .string($0.what),
                        "time": .integer($0.time.milliseconds),
                    ]
                }),
        ]
    }
}

/// Notes what becomes of each token.
struct DemoHooks: SessionHooks {
    let story: Story
    let clock: DemoClock

    func refresh(_ call: SessionCall) async throws(SessionError) -> SessionReply {
        let visitor = Visitor(call.exchange.request)
        do {
            story.went(on: try await call.sessions.refresh(in: call.exchange), visitor, at: clock.time)
        } catch {
            story.refused(visitor, "\(error.code)", at: clock.time)
            throw error
        }
        return SessionReply(json: [:])
    }
}
