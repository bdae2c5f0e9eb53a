import Foundations
import HTTPTypes
import LosslessJSON
import SessionEngine
import TesseraTesting
import TestSupport

/// A browser with a software key, which does what Chromium 156 was seen to do (docs/dbsc.md), and not only what the specification
/// says.
struct DeviceBrowser {
    struct Cookie {
        var value: String
        var path: String
        var attributes: Set<String>
        var until: Timestamp?
    }

    /// What the browser keeps of a session that is bound to its device.
    struct Bound {
        var identifier: String
        var refreshURL: String
        var cookieName: String
        var attributes: Set<String>
        var excluded: [String]
        var initiators: [String]
        var key: TestDeviceKey
        var challenge: String?
        /// The last signature, which is used again for the same challenge.
        var signed: (challenge: String, proof: String)?
    }

    /// How the browser's own requests end.
    enum Event: Equatable {
        case registered
        case notRegistered(Int)
        /// A cookie was renewed after so many requests.
        case renewed(requests: Int)
        case skipped(String)
        case forgotten(String)
    }

    let way: Browser
    let clock: VirtualClock
    let isQuoted: Bool
    /// Whether the quota of 6 signatures in 9 minutes counts.
    var hasQuota = false
    /// Whether it knows nothing of all this.
    var isOld = false
    /// Whether the device has lost its key.
    var hasLostKey = false
    /// The host of the page; requests of others make the browser renew nothing unless they are allowed to.
    var page = "app.example.com"
    var jar: [String: Cookie] = [:]
    var bound: Bound?
    var events: [Event] = []
    /// The statuses of all answers to the browser's own requests.
    var statuses: Set<Int> = []
    private var signatures: [Timestamp] = []
    private var lastSkip: String?
    /// Where the last link led.
    private(set) var visited: [String] = []

    init(_ way: Browser, clock: VirtualClock, isQuoted: Bool) {
        (self.way, self.clock, self.isQuoted) = (way, clock, isQuoted)
    }

    private static let threshold = Milliseconds.seconds(120)
    private static let mostRequests = 5

    /// Sends a request of the page, and before it what the browser has to renew.
    mutating func call(
        _ method: HTTPRequest.Method, _ path: String, _ fields: [(String, String)] = []
    ) async throws -> Reply {
        lastSkip = nil
        if let bound, !bound.excluded.contains(where: path.hasPrefix), mayRenew(bound) {
            let left = left(bound)
            if left == nil || left.map({ $0 <= Self.threshold }) == true { try await renew(isNeeded: left == nil) }
        }
        var sent = fields + cookies(for: path)
        if let lastSkip { sent.append(("secure-session-skipped", lastSkip)) }
        let reply = try await way.call(method, path, sent)
        keep(reply)
        if let offer = reply["secure-session-registration"] { try await register(offer) }
        return reply
    }

    /// Follows a link on a page of another host, and what the answers say: after redirects that page still counts as what asked, and a
    /// page that asks for another one counts itself.
    mutating func follow(_ link: String, from host: String) async throws -> Reply {
        let usual = page
        defer { page = usual }
        page = host
        var path = link
        visited = []
        for _ in 0..<8 {
            visited.append(path)
            let site = page == "api.example.com" ? "same-origin" : "cross-site"
            let reply = try await call(
                .get, path,
                [("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-site", site)])
            if let next = reply["location"] {
                path = next
            } else if let again = Again(reply.body) {
                page = "api.example.com"
                path = again.path
                clock.advance(by: .seconds(again.seconds))
            } else {
                return reply
            }
        }
        throw Unlikely()
    }

    private struct Unlikely: Error {}

    /// How long the bound cookie is kept yet; `nil` where it is missing.
    private func left(_ bound: Bound) -> Milliseconds? {
        guard let cookie = jar[bound.cookieName], let until = cookie.until, until > clock.time,
            cookie.attributes == bound.attributes
        else { return nil }
        return until - clock.time
    }

    private func mayRenew(_ bound: Bound) -> Bool { page == "api.example.com" || bound.initiators.contains(page) }

    /// The cookies for a path.
    func cookies(for path: String) -> [(String, String)] {
        let (now, path) = (clock.time, String(path.prefix { $0 != "?" }))
        let sent = jar.filter { _, cookie in
            let isLive = cookie.until.map { $0 > now } ?? true
            let isBelow = cookie.path == "/" || path == cookie.path || path.hasPrefix(cookie.path + "/")
            return isLive && isBelow
        }
        guard !sent.isEmpty else { return [] }
        return [("cookie", sent.map { "\($0.key)=\($0.value.value)" }.sorted().joined(separator: "; "))]
    }

    private mutating func keep(_ reply: Reply) {
        for line in reply.setCookies {
            let parts = line.split(separator: ";").map { $0.trimmed { $0 == " " } }
            guard let first = parts.first, let equals = first.firstIndex(of: "=") else { continue }
            let name = String(first[..<equals])
            let attributes = parts.dropFirst().map(String.init)
            func value(_ attribute: String) -> String? {
                attributes.first { $0.hasPrefix(attribute + "=") }.map { String($0.dropFirst(attribute.count + 1)) }
            }
            let age = value("Max-Age").flatMap { Int64($0) }
            // A line that removes a cookie of another place.
            if age == nil, first.hasSuffix("=") { continue }
            let kept = Set(attributes.filter { !$0.hasPrefix("Max-Age") && !$0.hasPrefix("Expires") })
            let cookie = Cookie(
                value: String(first[equals...].dropFirst()), path: value("Path") ?? "/", attributes: kept,
                until: age.map { clock.time + .seconds($0) })
            jar[name] = age == 0 ? nil : cookie
        }
        let challenge = reply.fields[HTTPField.Name.challenge].flatMap(Challenge.init)
        if let challenge, challenge.identifier == bound?.identifier { bound?.challenge = challenge.text }
    }

    private mutating func sign() -> Bool {
        guard hasQuota else { return true }
        signatures.removeAll { clock.time - $0 >= .seconds(540) }
        guard signatures.count < 6 else { return false }
        signatures.append(clock.time)
        return true
    }

    private func proofField(_ proof: String) -> (String, String) {
        ("secure-session-response", isQuoted ? "\"\(proof)\"" : proof)
    }

    /// What Chromium sends with its own requests, also from a page of another host.
    private func ownFields(_ path: String) -> [(String, String)] {
        [
            ("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "empty"),
            ("origin", DeviceWorld.api), ("content-length", "0"),
        ] + cookies(for: path)
    }

    private mutating func register(_ field: String) async throws {
        guard !isOld, let offer = Offer(field), sign() else { return }
        let key = TestDeviceKey()
        let fields = ownFields(offer.path) + [proofField(try key.registration(offer.challenge))]
        let reply = try await way.call(.post, offer.path, fields)
        statuses.insert(reply.status)
        guard reply.status == 200, let object = reply.json, let new = Bound(object, key) else {
            events.append(.notRegistered(reply.status))
            return
        }
        bound = new
        keep(reply)
        events.append(.registered)
    }

    private mutating func renew(isNeeded: Bool) async throws {
        for count in 1...Self.mostRequests {
            guard var bound else { return }
            if hasLostKey { return forget("the key is lost") }
            let identifier = isQuoted ? "\"\(bound.identifier)\"" : bound.identifier
            var fields = ownFields(bound.refreshURL) + [("sec-secure-session-id", identifier)]
            if let challenge = bound.challenge {
                if bound.signed?.challenge != challenge {
                    guard sign() else { return skip("quota_exceeded") }
                    bound.signed = (challenge, try bound.key.renewal(challenge))
                    self.bound = bound
                }
                if let proof = bound.signed?.proof { fields.append(proofField(proof)) }
            }
            let reply = try await way.call(.post, bound.refreshURL, fields)
            statuses.insert(reply.status)
            switch reply.status {
            case 200: return finish(reply, bound, count)
            case 403:
                keep(reply)
                guard reply.fields[HTTPField.Name.challenge].flatMap(Challenge.init)?.identifier == bound.identifier
                else { return skip("server_error") }
            case 407: return skip("unreachable")
            case 500...: return skip("server_error")
            default: return forget("\(reply.status)")
            }
        }
        forget("too many challenges")
    }

    private mutating func finish(_ reply: Reply, _ bound: Bound, _ count: Int) {
        keep(reply)
        if reply.body.isEmpty { return events.append(.renewed(requests: count)) }
        guard let object = reply.json, object["session_identifier"]?.string == bound.identifier,
            object["continue"]?.bool != false
        else { return forget("the server says so") }
        events.append(.renewed(requests: count))
    }

    private mutating func skip(_ reason: String) {
        events.append(.skipped(reason))
        lastSkip = "\(reason);session_identifier=\"\(bound?.identifier ?? "")\""
    }

    private mutating func forget(_ reason: String) {
        events.append(.forgotten(reason))
        bound = nil
    }
}

extension DeviceBrowser.Bound {
    /// Reads the instructions of a server; `nil` for what a browser would not take.
    init?(_ object: JSONObject, _ key: TestDeviceKey) {
        guard let identifier = object["session_identifier"]?.string, let scope = object["scope"]?.object,
            scope["include_site"]?.bool == false, scope["origin"]?.string == DeviceWorld.api,
            let credential = object["credentials"]?.array?.first?.object, credential["type"] == "cookie",
            let name = credential["name"]?.string, let attributes = credential["attributes"]?.string,
            let url = object["refresh_url"]?.string
        else { return nil }
        self.identifier = identifier
        self.key = key
        (refreshURL, cookieName) = (url, name)
        self.attributes = Set(attributes.split(separator: ";").map { $0.trimmed { $0 == " " } }.map(String.init))
        excluded = (scope["scope_specification"]?.array ?? []).compactMap { $0.object?["path"]?.string }
        initiators = (object["allowed_refresh_initiators"]?.array ?? []).compactMap(\.string)
    }
}

/// A page that asks for another one.
struct Again {
    let seconds: Int
    let path: String

    init?(_ page: String) {
        guard let content = page.split(separator: "content=\"").dropFirst().first?.prefix(while: { $0 != "\"" }),
            let seconds = Int(content.prefix { $0 != ";" }),
            let url = content.split(separator: ";url=").dropFirst().first
        else { return nil }
        (self.seconds, path) = (seconds, String(url.replacing("&amp;", with: "&")))
    }
}

/// A challenge for one session, as the field has it.
struct Challenge {
    let text: String
    let identifier: String

    init?(_ field: String) {
        let parts = field.split(separator: ";")
        guard parts.count == 2, let text = Self.quoted(parts[0]), parts[1].hasPrefix("id="),
            let identifier = Self.quoted(parts[1].dropFirst(3))
        else { return nil }
        (self.text, self.identifier) = (text, identifier)
    }

    static func quoted(_ text: Substring) -> String? {
        guard text.count >= 2, text.first == "\"", text.last == "\"" else { return nil }
        return String(text.dropFirst().dropLast())
    }
}

/// An offer, as the field has it.
struct Offer {
    var path = ""
    var challenge = ""
    let algorithms: String

    init?(_ field: String) {
        let parts = field.split(separator: ";")
        guard let first = parts.first, first.hasPrefix("("), first.hasSuffix(")") else { return nil }
        algorithms = String(first.dropFirst().dropLast())
        for part in parts.dropFirst() {
            if part.hasPrefix("path=") { path = Challenge.quoted(part.dropFirst(5)) ?? "" }
            if part.hasPrefix("challenge=") { challenge = Challenge.quoted(part.dropFirst(10)) ?? "" }
        }
        // A browser without a challenge would send no proof at all.
        guard !path.isEmpty, !challenge.isEmpty else { return nil }
    }
}

extension HTTPField.Name {
    /// `Secure-Session-Challenge`.
    static var challenge: HTTPField.Name { HTTPField.Name("secure-session-challenge") ?? .cookie }
}
