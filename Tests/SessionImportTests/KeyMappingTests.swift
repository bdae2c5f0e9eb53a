import InMemoryStorage
import SessionEngine
import SessionImport
import SessionService
import SessionStorage
import TestSupport
import Testing

@Suite("Imported keys")
struct KeyMappingTests {
    private static func keys(
        _ core: OldCore, options: ImportOptions = ImportOptions(), change: (inout [DumpTable]) -> Void = { _ in }
    ) throws -> [SigningKeyRecord] {
        let plan = try ImportWorld.plan(core.dump(change: change), options: options, now: core.now)
        return try #require(plan.apps.first).signingKeys
    }

    private static func edit(_ tables: inout [DumpTable], _ table: String, _ body: (inout [DumpValue]) -> Void) {
        for index in tables.indices where tables[index].name == table {
            for row in tables[index].rows.indices { body(&tables[index].rows[row]) }
        }
    }

    @Test("Names, kinds and times of core 11.1.3 stay")
    func newCore() throws {
        let core = try OldCore(.core1113)
        let app = core.apps[0]
        let expected = [app.staticKey, app.dynamicKey, app.olderKey].compactMap(\.self).map(SigningKeyRecord.init)
        #expect(try Self.keys(core) == expected)
    }

    @Test("The one key of core 2.5.2 is a dynamic key with its age")
    func oldCore() throws {
        let core = try OldCore(.core252)
        #expect(try Self.keys(core) == [SigningKeyRecord(core.apps[0].dynamicKey)])
    }

    @Test("Both separators are read", arguments: [";", "|"])
    func separators(_ separator: String) throws {
        let core = try OldCore(.core252)
        let keys = try Self.keys(core) { tables in
            Self.edit(&tables, "key_value") { row in
                if case .text("access_token_signing_key") = row[0] {
                    row[1] = OldCore.halves(core.apps[0].dynamicKey, separator)
                }
            }
        }
        #expect(keys.count == 1)
    }

    @Test("Names from before core 5.0 get the prefix")
    func plainNames() throws {
        let core = try OldCore(.core1113)
        let keys = try Self.keys(core) { tables in
            Self.edit(&tables, "jwt_signing_keys") { $0[1] = .text("0b9a3c1e-1111-4111-8111-111111111111") }
        }
        #expect(keys.map(\.id.rawValue).contains("s-0b9a3c1e-1111-4111-8111-111111111111"))
    }

    @Test("An operator who had switched rotation off keeps the key, and old sessions use it")
    func switchedOff() async throws {
        var core = try OldCore(.core252)
        try core.signIn("u")
        let options = ImportOptions(keepsSigningKey: true)
        let made = core.apps[0].dynamicKey.createdAt.milliseconds
        #expect(try Self.keys(core, options: options).map(\.id.rawValue) == ["s-\(made)"])
        let storage = InMemorySessionStorage()
        try await ImportWorld.run(core.dump(), options: options) { _ in storage }
        #expect(try await storage.session(core.sessions[0].handle)?.signingKeyKind == .static)
        let clock = TestClock()
        clock.advance(by: .seconds(3_500))
        let service = try await ImportWorld.service(storage, clock: clock)
        #expect(try await service.isValid(core.sessions[0].current.accessToken.exposed).valid)
    }

    @Test("A key that was never rotated still verifies")
    func neverRotated() async throws {
        var core = try OldCore(.core252)
        try core.signIn("u")
        let old = core.now.milliseconds - 400 * 86_400_000
        let dump = try core.dump { tables in
            Self.edit(&tables, "key_value") { row in
                if case .text("access_token_signing_key") = row[0] { row[2] = .integer(old) }
            }
        }
        let plan = try ImportWorld.plan(dump)
        #expect(plan.apps.flatMap(\.signingKeys).map(\.id.rawValue) == ["s-\(old)"])
        #expect(plan.warnings.count == 1)
        let storage = InMemorySessionStorage()
        try await ImportWorld.run(dump) { _ in storage }
        let service = try await ImportWorld.service(storage)
        #expect(try await service.isValid(core.sessions[0].current.accessToken.exposed).valid)
    }

    @Test("A key that cannot be used is refused and counted")
    func refused() throws {
        let core = try OldCore(.core1113)
        let app = core.apps[0]
        let foreign = try #require(app.staticKey)
        let mixed = foreign.verificationKey.spkiBase64 + "|" + WireText.base64(app.dynamicKey.privateKey.pkcs8DER)
        let cases: [(Int, DumpValue, Refusal)] = [
            (1, .text("no name"), .keyName), (2, .text("abc"), .keyUnreadable), (2, .text("a|b"), .keyUnreadable),
            (2, .text(mixed), .keyHalvesDiffer), (3, .text("HS256"), .keyAlgorithm),
        ]
        for (column, value, refusal) in cases {
            let plan = try ImportWorld.plan(
                core.dump { tables in Self.edit(&tables, "jwt_signing_keys") { $0[column] = value } })
            #expect(plan.refused.entries[refusal]?.count == 1, "\(refusal)")
            #expect(plan.apps[0].signingKeys.count == 2)
        }
    }

    @Test("Tokens and keys that this project did not make are carried over")
    func vectors() async throws {
        let vectors = try Vectors.load()
        let now = Timestamp(milliseconds: 1_600_000_000_000)
        var core = try OldCore(.core252, now: now)
        try core.signIn("u1")
        let dump = try core.dump { tables in
            tables[0].rows = [
                [.text("refresh_token_key"), .text((try? vectors.text("refresh", "master_key")) ?? ""), .integer(1)],
                [
                    .text("access_token_signing_key"),
                    .text(
                        ((try? vectors.text("own", "rsa_public_spki_b64")) ?? "") + ";"
                            + ((try? vectors.text("own", "rsa_private_pkcs8_b64")) ?? "")),
                    .integer(now.milliseconds),
                ],
            ]
            tables[1].rows[0][0] = .text("11111111-1111-4111-8111-111111111111")
            tables[1].rows[0][2] = .text((try? vectors.text("refresh", "hash2")) ?? "")
        }
        let storage = InMemorySessionStorage()
        try await ImportWorld.run(dump, now: now) { _ in storage }
        let service = try await ImportWorld.service(storage, clock: TestClock(now))
        for token in try [
            vectors.text("own", "v5_token"), vectors.text("own", "legacy_tokens", "V1"),
            vectors.text("own", "legacy_tokens", "V2"),
        ] { #expect(try await service.isValid(token).valid) }
        let result = try await service.refresh(
            PresentedRefreshToken(
                refreshToken: RefreshToken(try vectors.text("refresh", "token")), format: .v2))
        guard case .refreshed(let tokens) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(try await service.isValid(tokens.accessToken.exposed).replacement != nil)
    }
}
