import CoreDriverInterface
import Foundations
import InMemoryStorage
import LosslessJSON
import SQLiteStorage
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

/// One row of the table of boundaries.
struct PolicyRow: CustomStringConvertible {
    enum Limits: String, CaseIterable { case none, idle, absolute, both }
    enum Probe: String, CaseIterable { case refresh, background, regenerate, read, list, liveness }

    let limits: Limits
    let isRemembered, isBackground: Bool
    let version: String
    let probe: Probe
    /// The distance from the end, in milliseconds.
    let delta: Int64

    var description: String {
        "\(limits.rawValue), \(isRemembered ? "remembered" : "normal"), \(isBackground ? "background" : "foreground"), "
            + "CDI \(version), \(probe.rawValue) at the end \(delta < 0 ? "" : "+")\(delta) ms"
    }

    /// Every row with some limits.
    static func all(_ limits: Limits) -> [PolicyRow] {
        var rows: [PolicyRow] = []
        for isRemembered in [false, true] {
            for isBackground in [false, true] {
                for version in ["5.6", "5.5", "2.3"] {
                    for probe in Probe.allCases {
                        for delta: Int64 in [-1, 0, 1] {
                            rows.append(
                                PolicyRow(
                                    limits: limits, isRemembered: isRemembered, isBackground: isBackground,
                                    version: version, probe: probe, delta: delta))
                        }
                    }
                }
            }
        }
        return rows
    }

    /// Idle and absolute limits of normal and of remembered sessions, in milliseconds.
    var numbers: (idle: Int64?, absolute: Int64?) {
        let (idle, absolute): (Int64, Int64) = isRemembered ? (1_800_000, 86_400_000) : (900_000, 43_200_000)
        return (
            limits == .idle || limits == .both ? idle : nil, limits == .absolute || limits == .both ? absolute : nil
        )
    }
}

/// docs/policy.md: when sessions end, to the millisecond.
@Suite("The ends of sessions, to the millisecond (ASVS 7.3.1 and 7.3.2)")
struct PolicyBoundaryTests {
    enum Place: String, CaseIterable { case memory, sqlite }

    private static let validity: Int64 = 100 * 86_400_000
    private static let tokenLife: Int64 = 3_600_000

    private static func policy(_ limits: PolicyRow.Limits) -> SessionPolicy {
        func set(_ row: PolicyRow) -> SessionLimits {
            SessionLimits(
                idle: row.numbers.idle.map(Milliseconds.init), absolute: row.numbers.absolute.map(Milliseconds.init))
        }
        let rows = PolicyRow.all(limits)
        let normal = rows.first { !$0.isRemembered }.map(set) ?? .none
        let remembered = rows.first { $0.isRemembered }.map(set) ?? .none
        return SessionPolicy(
            accessTokenValidity: Milliseconds(tokenLife), refreshTokenValidity: Milliseconds(validity),
            signingAlgorithm: .es256, limits: normal,
            rememberedIdleLimit: remembered.idle.map { .of($0) } ?? .none,
            rememberedAbsoluteLimit: remembered.absolute.map { .of($0) } ?? .none)
    }

    @Test(
        "A generated table of 864 rows on each storage agrees with an oracle",
        arguments: PolicyRow.Limits.allCases, Place.allCases)
    func table(_ limits: PolicyRow.Limits, _ place: Place) async throws {
        let folder = try TemporaryFolder()
        let storage: any SessionStorage =
            place == .memory ? InMemorySessionStorage() : try SQLiteDatabase(folder: folder.path).storage(of: .public)
        let clock = TestClock(Timestamp(milliseconds: 1_700_000_000_000))
        let keys = try [("d-\(clock.now.milliseconds)", SigningKeyKind.dynamic), ("s-1", .static)].map { id, kind in
            SigningKeyRecord(try TestKeys.signingKey(.rs256, id: id, kind: kind, createdAt: clock.now.milliseconds))
        }
        _ = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: keys) }
        var sources = ClockAndRandomness.system
        sources.time = { clock.now }
        var policy = Self.policy(limits)
        // One key for the whole table, although its sessions live for years of the virtual clock.
        policy.signingKeyUpdateInterval = .days(200_000)
        let service = try await SessionManager(storage: storage, policy: policy, clock: sources)
        let rows = PolicyRow.all(limits)
        #expect(rows.count == 216)
        for row in rows {
            try await PolicyWalk(row: row, service: service, storage: storage, clock: clock).run()
        }
    }
}

/// One session from its beginning to a moment near its end.
private struct PolicyWalk {
    let row: PolicyRow
    let service: SessionManager
    let storage: any SessionStorage
    let clock: TestClock

    private var rules: DialectRules {
        get throws { try #require(CDIVersion(row.version).flatMap(Dialect.of)).rules }
    }

    func run() async throws {
        // The next whole second: rows differ by a millisecond.
        clock.set(Timestamp(milliseconds: (clock.now.wholeSeconds + 1) * 1_000))
        let start = clock.now.milliseconds
        let (idle, absolute) = row.numbers
        var oracle = PolicyOracle(
            idle: idle, absolute: absolute, validity: 100 * 86_400_000, tokenLife: 3_600_000, begunAt: start)
        let user = UserID("u\(start)")
        var request = NewSession(userID: user, format: try rules.accessTokenFormat)
        request.isRemembered = row.isRemembered
        guard case .created(let first) = try await service.createSession(request) else { throw Missing() }
        try check(first, oracle)
        clock.advance(by: .seconds(500))
        let second = try await refreshed(first.refreshToken, row.isBackground, &oracle)
        guard case .tokens(let tokens) = second else { throw Missing() }
        try check(tokens, oracle)
        // The first use, which is what rotates before CDI 5.6.
        if try rules.rotation == .atFirstUse { _ = try await verify(tokens) }
        #expect(try await storage.session(first.session.handle)?.expiresAt.milliseconds == oracle.end, "\(row)")
        clock.set(Timestamp(milliseconds: oracle.end + row.delta))
        try await probe(tokens, user, &oracle)
    }

    private enum Got { case tokens(IssuedTokens), ended, other(String) }
    private struct Missing: Error {}

    private func refreshed(
        _ token: RefreshToken, _ isBackground: Bool, _ oracle: inout PolicyOracle
    ) async throws -> Got {
        var request = PresentedRefreshToken(
            refreshToken: token, format: try rules.accessTokenFormat, rotation: try rules.rotation)
        request.isBackground = isBackground
        let expected = oracle.refresh(at: clock.now.milliseconds, isBackground: isBackground)
        switch try await service.refresh(request) {
        case .refreshed(let tokens):
            #expect(expected == .tokens(end: tokens.refreshTokenExpiresAt.milliseconds), "\(row)")
            return .tokens(tokens)
        case .unauthorised(.sessionNotActive):
            #expect(expected == .ended, "\(row)")
            return .ended
        case let other:
            Issue.record("\(row): \(other)")
            return .other("\(other)")
        }
    }

    private func verify(_ tokens: IssuedTokens) async throws -> VerifyResult {
        try await service.verify(
            PresentedAccessToken(
                accessToken: tokens.accessToken.exposed, checksDatabase: true, rotation: try rules.rotation))
    }

    /// What is told of the ends of both tokens.
    private func check(_ tokens: IssuedTokens, _ oracle: PolicyOracle) throws {
        let isLegacy = try rules.accessTokenFormat.isLegacy
        #expect(tokens.refreshTokenExpiresAt.milliseconds == oracle.end, "\(row)")
        let end = oracle.tokenEnd(at: clock.now.milliseconds, isInMilliseconds: isLegacy)
        #expect(tokens.accessToken.expiresAt.milliseconds == end, "\(row)")
    }

    private func probe(_ tokens: IssuedTokens, _ user: UserID, _ oracle: inout PolicyOracle) async throws {
        let isAlive = oracle.isAlive(at: clock.now.milliseconds)
        #expect(isAlive == (row.delta < 0), "\(row): alive a millisecond before the end, over at it")
        switch row.probe {
        case .refresh: _ = try await refreshed(tokens.refreshToken, false, &oracle)
        case .background: _ = try await refreshed(tokens.refreshToken, true, &oracle)
        case .read: #expect((try await service.session(tokens.session.handle) != nil) == isAlive, "\(row)")
        case .list: #expect(try await service.handles(of: user).isEmpty == !isAlive, "\(row)")
        case .liveness:
            let isLive = try await storage.isLive(tokens.session.handle, at: clock.now, within: service.policy.terms)
            #expect(isLive == isAlive, "\(row)")
        case .regenerate:
            let answer = try await service.regenerate(accessToken: tokens.accessToken.exposed, payload: ["a": 1])
            if case .regenerated = answer { #expect(isAlive, "\(row)") } else { #expect(!isAlive, "\(row)") }
        }
    }
}
