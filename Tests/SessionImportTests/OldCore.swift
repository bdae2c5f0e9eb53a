import Foundations
import LosslessJSON
import SessionEngine
import TestSupport

/// A SuperTokens core as far as its database and its tokens go (docs/specification/core.md 3 to 6).
struct OldCore {
    /// The generations whose schemas there are.
    enum Generation: String, CaseIterable, Sendable {
        case core252 = "2.5.2"
        case core1113 = "11.1.3"

        var hasApps: Bool { self == .core1113 }
    }

    /// One app's secrets.
    struct App {
        let id: String
        let masterKey: String
        /// The key that signs, and one that only verifies any more.
        let dynamicKey: SigningKey
        let olderKey: SigningKey?
        let staticKey: SigningKey?
        var tenants = ["public"]
    }

    let generation: Generation
    let now: Timestamp
    var random: SplitMix64
    var apps: [App]
    var sessions: [OldSession] = []
    /// Rows of tables that a session core does not need.
    var otherRows = true

    static let week = Milliseconds.seconds(168 * 3_600)
    static let hour = Milliseconds.seconds(3_600)

    init(_ generation: Generation, seed: UInt64 = 1, now: Timestamp = TestClock().now) throws {
        self.generation = generation
        self.now = now
        random = SplitMix64(seed: seed)
        apps = []
        apps.append(try makeApp("public", [try TestKeys.rsa(), try TestKeys.foreignRSA(), try OldCore.ownKey()]))
    }

    /// Adds an app with keys of its own.
    mutating func addApp(_ id: String, tenants: [String] = []) throws {
        var app = try makeApp(id, [try TestKeys.foreignRSA(), try OldCore.ownKey(), try TestKeys.rsa()])
        app.tenants += tenants
        apps.append(app)
    }

    private mutating func makeApp(_ id: String, _ keys: [PrivateSigningKey]) throws -> App {
        let made = now + Milliseconds(-3_600_000)
        let older = Timestamp(milliseconds: (made - Timestamp(milliseconds: OldCore.week.count)).count)
        func key(_ name: String, _ kind: SigningKeyKind, _ time: Timestamp, _ key: PrivateSigningKey) throws
            -> SigningKey
        {
            SigningKey(id: try TestKeys.keyID(name), kind: kind, createdAt: time, privateKey: key)
        }
        let uuid = RandomText.uuid(using: &random)
        return App(
            id: id, masterKey: try RefreshTokenKey.make(using: &random).masterKey,
            dynamicKey: try key("d-\(made.milliseconds)", .dynamic, made, keys[0]),
            olderKey: generation.hasApps ? try key("d-\(older.milliseconds)", .dynamic, older, keys[1]) : nil,
            staticKey: generation.hasApps ? try key("s-\(uuid)", .static, older, keys[2]) : nil)
    }

    private static func ownKey() throws -> PrivateSigningKey { try Vectors.load().ownKey().privateKey }

    /// Somebody signs in.
    @discardableResult
    mutating func signIn(
        _ user: String, app: Int = 0, tenant: String = "public", kind: SigningKeyKind = .dynamic,
        payload: JSONObject = ["k": "v"], data: JSONObject = ["home": 1], validFor: Milliseconds = .seconds(86_400),
        antiCSRF: Bool = false
    ) throws -> Int {
        let session = try OldSession(
            user, of: apps[app], tenant: tenant, kind: kind, format: generation.hasApps ? .v5 : .v2, payload: payload,
            data: data, at: now, validFor: validFor, antiCSRF: antiCSRF, using: &random)
        sessions.append(session)
        return sessions.count - 1
    }

    /// The client of a session refreshes and does not yet use what it gets.
    mutating func refresh(_ index: Int) throws {
        let app = try app(of: sessions[index])
        sessions[index].child = try sessions[index].pair(parent: sessions[index].current.hash, app, using: &random)
    }

    /// The client uses the child.
    mutating func promote(_ index: Int) throws {
        guard let child = sessions[index].child else { throw TestSupportError("no child") }
        sessions[index].past = sessions[index].current
        sessions[index].current = child
        sessions[index].child = nil
    }

    private func app(of session: OldSession) throws -> App {
        guard let app = apps.first(where: { $0.id == session.app }) else { throw TestSupportError("no app") }
        return app
    }
}
