import Foundations
import LosslessJSON

/// A request to the admin listener as a value.
struct AdminRequest: Sendable, Redacted {
    /// What every request has.
    var core: CoreRequest
    /// Whether it has the field `X-Tessera-Admin: 1`, which no form and no page of another origin can send.
    var isMarked = false

    /// The method and the path.
    var description: String { core.description }

    /// Whether it asks for a change, by its method.
    var isUnsafe: Bool { !["GET", "HEAD"].contains(core.method) }

    /// The token of the admin session.
    var token: String? {
        let scheme = "bearer "
        guard let field = core.authorization, field.lowercased().hasPrefix(scheme) else { return nil }
        return String(field.dropFirst(scheme.count))
    }

    /// The object in the body; an empty one for no body.
    ///
    /// - Throws: ``AdminRefusal`` for anything else.
    func object() throws(AdminRefusal) -> JSONObject {
        guard !core.body.isEmpty else { return [:] }
        guard let object = try? JSONValue(parsing: core.body).object else {
            throw .badInput("The body has to be a JSON object.")
        }
        return object
    }

    /// The value of a query parameter; an empty one counts as none.
    func parameter(_ name: AdminName) -> String? {
        core.parameter(name.rawValue).flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A query parameter that is a number in a range.
    ///
    /// - Throws: ``AdminRefusal`` for anything else.
    func number(_ name: AdminName, in range: ClosedRange<Int64>) throws(AdminRefusal) -> Int64? {
        guard let text = parameter(name) else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            throw .badInput("'\(name.rawValue)' has to be a number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }
}

/// The names of all members and parameters of the admin listener's interface, each written once.
///
/// It is private: the page and the listener are of one program (docs/decisions/0042).
enum AdminName: String {
    case apiKey, code, token, name, writes, endsIn, isLast
    case app, user, tenant, session, except, reasonText, before, after, limit
    case kid, confirm, kind, alg, state, made, signsFrom, verifiesUntil
    case version, uptime, storage, isUp, isShared, warnings, apps, keys, sessions, time
    case entries, next, end, cause, text, endedAt, ended, sincePrevious, why
    case endsBy, actedBy, isLive
    case settings, value, source, secret, set, effect
    case signIns, refreshes, reuses, refused, medianSignIn, slowSignIn, medianRefresh, slowRefresh, connections,
        inFlight
    case error
}

extension JSONObject {
    /// A member of the interface; setting `nil` leaves it out.
    subscript(name: AdminName) -> JSONValue? {
        get { self[name.rawValue] }
        set { if let newValue { append(name.rawValue, newValue) } }
    }
}

/// Why a request is refused; the text is for the operator and has nothing of the request in it.
struct AdminRefusal: Error, Equatable {
    var status: Int
    var text: String

    static func badInput(_ text: String) -> AdminRefusal { AdminRefusal(status: 400, text: text) }
    static let notLoggedIn = AdminRefusal(status: 401, text: "Log in: there is no such admin session.")
    static let wrongKey = AdminRefusal(status: 401, text: "This is no key of the admin page (admin_api_keys).")
    static let wrongCode = AdminRefusal(
        status: 401, text: "This link was used already, or is older than a minute. Ask for another one.")
    static let tooManyFailures = AdminRefusal(
        status: 429, text: "Too many log-ins have failed. Wait a minute, or use the right key.")
    static let readOnly = AdminRefusal(
        status: 403, text: "This page is read-only. Changes need admin_page_writes: true in the configuration.")
    static let otherHost = AdminRefusal(
        status: 421, text: "The admin page answers to loopback names such as localhost, and to admin_origin.")
    static let otherPage = AdminRefusal(status: 403, text: "The admin page answers no page but its own.")
    static let notFound = AdminRefusal(status: 404, text: "There is nothing here. The page is at /admin.")
    static let wrongMethod = AdminRefusal(status: 405, text: "This is not answered to that method.")
    static let noSuchApp = AdminRefusal(status: 404, text: "There is no such app.")
    static let storage = AdminRefusal(
        status: 503, text: "Storage did not answer. What was asked for may or may not have happened.")
    static let failed = AdminRefusal(status: 500, text: "This failed; the log of the core says why.")
}

/// A reply of the admin listener.
struct AdminReply: Sendable, Redacted {
    var status = 200
    var contentType = "application/json; charset=utf-8"
    var headers: [(name: String, value: String)] = []
    var body: [UInt8]

    /// The status; the body may have a token.
    var description: String { "AdminReply(\(status))" }

    static func json(_ object: JSONObject) -> AdminReply { AdminReply(body: Array(object.text.utf8)) }

    init(status: Int = 200, contentType: String = "application/json; charset=utf-8", body: [UInt8]) {
        (self.status, self.contentType, self.body) = (status, contentType, body)
    }

    init(_ refusal: AdminRefusal) {
        var object: JSONObject = [:]
        object[.error] = .string(refusal.text)
        self.init(status: refusal.status, body: Array(object.text.utf8))
        if refusal.status == 429 { headers.append(("Retry-After", "60")) }
    }
}

/// What a request leads to.
enum AdminAnswer: Sendable {
    /// One reply.
    case reply(AdminReply)
    /// Figures each second, for as long as the session of this token lives.
    case live(token: String)
}
