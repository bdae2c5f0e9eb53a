import SessionEngine
import Testing

@testable import CoreDriverInterface

/// Guards on the catalogue itself: a version is data, so the data must make sense.
struct CatalogueTests {
    /// Every version that drivers have ever spoken, supported yet or not.
    static let history: [CDIVersion] =
        ["1.0", "3.0", "3.1", "4.0"] + (0...21).compactMap { CDIVersion("2.\($0)") }
        + (0...6).compactMap { CDIVersion("5.\($0)") }

    @Test("no path and method mean two operations in one version", arguments: history)
    func routesAreUnique(version: CDIVersion) {
        var seen: Set<String> = []
        for route in Catalogue.routes where route.availability.contains(version) {
            guard Catalogue.Edition.current.availability(of: route.family).contains(version) else { continue }
            for method in route.methods {
                #expect(
                    seen.insert("\(method.rawValue) \(route.path)").inserted, "\(method) \(route.path) at \(version)")
            }
        }
    }

    @Test("every session operation has a way in at every supported version", arguments: Catalogue.supported)
    func everyOperationHasARoute(version: CDIVersion) {
        let operations = Catalogue.routes.filter {
            Catalogue.Edition.current.versions(of: $0).contains(version)
        }.map(\.operation)
        let needed: [CoreOperation] = [
            .createSession, .verifySession, .refreshSession, .listSessions, .readSessionData, .writeSessionData,
        ]
        for operation in needed { #expect(operations.contains(operation), "\(operation) at \(version)") }
        #expect(operations.contains(.removeSessions) || operations.contains(.removeAndCountSessions))
    }

    @Test("no reply member and no request field is described twice for one version", arguments: history)
    func entriesDoNotOverlap(version: CDIVersion) {
        var members: Set<String> = []
        for entry in Catalogue.members where entry.availability.contains(version) {
            for name in entry.shapes.flatMap({ shape in entry.paths.map { "\(shape) \($0)" } }) {
                #expect(members.insert(name).inserted, "\(name) at \(version)")
            }
        }
        var inputs: Set<String> = []
        for entry in Catalogue.inputs where entry.availability.contains(version) {
            let name = "\(entry.operation) \(entry.name)"
            #expect(inputs.insert(name).inserted, "\(name) at \(version)")
        }
    }

    @Test("a member that was obsoleted never comes back")
    func membersDoNotReturn() {
        var spans: [String: [Availability]] = [:]
        for entry in Catalogue.members {
            for shape in entry.shapes {
                for path in entry.paths { spans["\(shape) \(path)", default: []].append(entry.availability) }
            }
        }
        for (name, availabilities) in spans { #expect(availabilities.count == 1, "\(name)") }
    }

    @Test("every entry says why it is there")
    func everyEntryHasAReason() {
        let reasons = Catalogue.members.map(\.reason) + Catalogue.inputs.map(\.reason) + Catalogue.rules.map(\.reason)
        for reason in reasons { #expect(reason.hasSuffix(".") || reason.hasSuffix(")."), "\(reason)") }
    }

    @Test(
        "the format of new access tokens follows the version",
        arguments: [
            ("1.0", 1), ("2.0", 2), ("2.3", 2), ("2.20", 2), ("2.21", 3), ("3.0", 4), ("3.1", 4), ("4.0", 5),
            ("5.4", 5),
        ] as [(CDIVersion, Int)])
    func formats(version: CDIVersion, format: Int) {
        #expect(Dialect(version: version).rules.accessTokenFormat.rawValue == format)
    }

    @Test(
        "the anti-CSRF token is asked for at refresh from 2.3 on",
        arguments: [("1.0", false), ("2.2", false), ("2.3", true), ("5.0", true)] as [(CDIVersion, Bool)])
    func antiCSRFAtRefresh(version: CDIVersion, checks: Bool) {
        #expect(Dialect(version: version).rules.checksAntiCSRFAtRefresh == checks)
    }

    /// Rows of docs/specification/core.md 1.3.1, 1.5 and 1.6: version, shape, member, shown.
    static let memberRows: [(CDIVersion, ReplyShape, String, Bool)] = [
        ("1.0", .created, "accessToken.sameSite", false), ("2.0", .created, "accessToken.sameSite", true),
        ("1.0", .created, "idRefreshToken.cookiePath", false), ("2.0", .created, "idRefreshToken.cookiePath", true),
        ("2.3", .created, "accessToken.domain", true), ("2.4", .created, "accessToken.domain", false),
        ("1.0", .handshake, "sessionExpiredStatusCode", false), ("2.1", .handshake, "sessionExpiredStatusCode", true),
        ("2.5", .handshake, "enableAntiCsrf", true), ("2.6", .handshake, "enableAntiCsrf", false),
        ("2.6", .tryRefresh, "jwtSigningPublicKey", false), ("2.7", .tryRefresh, "jwtSigningPublicKey", true),
        ("2.20", .verified, "jwtSigningPublicKey", true), ("2.21", .verified, "jwtSigningPublicKey", false),
        ("2.20", .refreshed, "idRefreshToken", true), ("2.21", .refreshed, "idRefreshToken", false),
        ("2.21", .created, "session.tenantId", false), ("3.0", .created, "session.tenantId", true),
        ("2.20", .reuseDetected, "session.recipeUserId", false),
        ("2.21", .reuseDetected, "session.recipeUserId", true),
        ("3.1", .verified, "session.recipeUserId", false), ("4.0", .verified, "session.recipeUserId", true),
        ("5.5", .verified, "accessToken", true), ("5.6", .verified, "accessToken", false),
        ("5.4", .created, "session.handle", true), ("1.0", .created, "status", true),
    ]

    @Test("reply members appear and disappear with the versions", arguments: memberRows)
    func members(version: CDIVersion, shape: ReplyShape, member: String, isShown: Bool) {
        #expect(Dialect(version: version).shows(member, in: shape) == isShown)
    }

    /// Rows of docs/specification/core.md 1.6: version, field, operation, presence.
    static let inputRows: [(CDIVersion, String, CoreOperation, Catalogue.Presence)] = [
        ("2.5", "enableAntiCsrf", .createSession, .ignored), ("2.6", "enableAntiCsrf", .createSession, .required),
        ("2.20", "checkDatabase", .verifySession, .ignored), ("2.21", "checkDatabase", .verifySession, .required),
        ("2.20", "useDynamicSigningKey", .createSession, .ignored),
        ("5.4", "useDynamicSigningKey", .createSession, .optional),
        ("2.21", "useDynamicSigningKey", .refreshSession, .ignored),
        ("3.0", "useDynamicSigningKey", .refreshSession, .optional),
        ("5.0", "useDynamicSigningKey", .refreshSession, .required),
        ("5.4", "nonsense", .createSession, .ignored),
    ]

    @Test("request fields become required and optional with the versions", arguments: inputRows)
    func inputs(version: CDIVersion, field: String, operation: CoreOperation, presence: Catalogue.Presence) {
        #expect(Dialect(version: version).presence(of: field, in: operation) == presence)
    }
}
