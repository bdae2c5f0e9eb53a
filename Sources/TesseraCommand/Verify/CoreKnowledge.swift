import CoreDriverInterface
import CoreServer
import EdgeVerdicts
import Foundations
import LosslessJSON
import RevocationFeed
import SessionDoctor
import SessionEngine
import Synchronization

/// What a sidecar asks its cores: keys, the feed, and about the tokens of which the feed cannot say.
final class CoreKnowledge: Sendable {
    private let door: CoreDoor
    /// The version in which sessions are asked about, once a core has said which ones it speaks.
    private let dialect = Mutex<Dialect?>(nil)

    /// For how long a set of keys counts as current at most.
    private static let longestLife = Milliseconds.seconds(14_400)
    /// For how long it stays in use after that while no core answers.
    static let staleness = Milliseconds.seconds(86_400)
    private static let keyTimeout = Milliseconds.seconds(2)
    private static let questionTimeout = Milliseconds.seconds(1)
    private static let answerLimit = 1 << 20

    init(_ door: CoreDoor) {
        self.door = door
    }

    /// The keys that the cores publish.
    func keys(at start: Timestamp) async -> Result<KeySet, KeySetUnavailable> {
        let question = CoreDoor.Question(
            path: "/.well-known/jwks.json", needsKey: false, timeout: Self.keyTimeout, limit: KeySet.sizeLimit)
        switch await door.askAny(question) {
        case .failure(let failure): return .failure(KeySetUnavailable("\(failure)"))
        case .reply(let reply):
            let keys = KeySet(
                parsing: Array(reply.body.utf8), maxAgeSeconds: ReplyTimes.maxAge(reply.values("cache-control")),
                longest: Self.longestLife, fetchedAt: start)
            guard reply.status == 200, let keys else {
                return .failure(KeySetUnavailable("a core answered \(reply.status) without a key set"))
            }
            return .success(keys)
        }
    }

    /// An answer of the feed.
    func feed(_ request: FeedRequest) async -> RevocationFeed.FeedReply {
        let question = CoreDoor.Question(path: request.path, timeout: request.timeout, limit: FeedPage.sizeLimit)
        switch await door.ask(request.core, question) {
        case .failure(let failure): return .none("\(failure)")
        case .reply(let reply):
            let wait = reply.value("retry-after").flatMap {
                ReplyTimes.retryAfter($0, at: reply.value("date").flatMap(HTTPDate.parse))
            }
            return .answer(status: reply.status, body: Array(reply.body.utf8), retryAfterSeconds: wait)
        }
    }

    /// What a core says of an access token, by a look at its storage.
    func word(about token: String) async -> CoreWord {
        guard let dialect = await agreedDialect(), let (method, path) = dialect.route(of: .verifySession) else {
            return .failed
        }
        var message = VerifySessionRequest()
        message.accessToken = token
        (message.checksAntiCSRF, message.usesAntiCSRF, message.checksDatabase) = (false, false, true)
        let question = CoreDoor.Question(
            method: method.rawValue, path: path,
            fields: [
                HeaderField("cdi-version", dialect.version.description),
                HeaderField("Content-Type", "application/json; charset=utf-8"),
            ],
            body: Catalogue.verifySession.encode(message, dialect).text, timeout: Self.questionTimeout,
            limit: Self.answerLimit)
        guard let object = Self.object(await door.askAny(question)) else { return .failed }
        switch object["status"]?.string {
        case "OK": return .alive
        case "UNAUTHORISED": return .ended
        case "TRY_REFRESH_TOKEN": return .refresh
        default: return .failed
        }
    }

    /// What a core says of a token that is no access token.
    func introspection(of token: String) async -> EdgeAPI.CoreAnswer {
        let question = CoreDoor.Question(
            method: "POST", path: "/tessera/oauth/introspect",
            fields: [HeaderField("Content-Type", "application/x-www-form-urlencoded")],
            body: "token=\(PercentEncoding.query.encode(token))", timeout: Self.questionTimeout,
            limit: Self.answerLimit)
        guard let object = Self.object(await door.askAny(question)), object["active"]?.bool != nil else { return .none }
        return .document(object)
    }

    /// The newest version that a core and this program have in common.
    private func agreedDialect() async -> Dialect? {
        if let known = dialect.withLock(\.self) { return known }
        let question = CoreDoor.Question(
            path: "/apiversion", timeout: Self.questionTimeout, limit: Self.answerLimit)
        guard let object = Self.object(await door.askAny(question)),
            let theirs = Catalogue.versionsListed.decode(object).texts,
            let version = Catalogue.versionsOfDriver.first(where: { theirs.contains($0.description) }),
            let found = Dialect.of(version)
        else { return nil }
        dialect.withLock { $0 = found }
        return found
    }

    private static func object(_ outcome: ProbeOutcome) -> JSONObject? {
        guard let reply = outcome.reply, reply.status == 200 else { return nil }
        return try? JSONValue(parsing: Array(reply.body.utf8)).object
    }
}
