import Foundation
import InMemoryStorage
import LosslessJSON
import SQLiteStorage
import SessionEngine
import SessionStorage
import SessionStorageTesting
import TestSupport
import Testing

@testable import SessionImport

@Suite("Interrupted and run again")
struct ResumeTests {
    private static func core(sessions: Int) throws -> OldCore {
        var core = try OldCore(.core1113, seed: 11)
        let first = try core.signIn("u0")
        // Signing is dear: the others share the first one's tokens and differ in their rows.
        for number in 1..<sessions { core.sessions.append(core.sessions[first].copy(number, using: &core.random)) }
        return core
    }

    private struct State: Equatable {
        let sessions: [SessionRecord]
        let keys: [SigningKeyRecord]
        let refreshTokenKey: String
    }

    private func state(_ storage: any SessionStorage, _ core: OldCore) async throws -> State {
        var sessions: [SessionRecord] = []
        for session in core.sessions {
            if let record = try await storage.session(session.handle) { sessions.append(record) }
        }
        let keys = try await storage.updateSigningKeys { _ in .none }.sorted { $0.id.rawValue < $1.id.rawValue }
        return State(
            sessions: sessions, keys: keys,
            refreshTokenKey: try await storage.value(named: .refreshTokenKey) { "none" })
    }

    private func importing(_ dump: String, into storage: any SessionStorage) async throws(ImportError) {
        let source = ImportWorld.source(dump)
        let now = TestClock().now
        let plan = try DumpAnalysis(of: source, now: now).plan()
        _ = try await Importer(of: source, now: now) { _ in storage }.run(plan)
    }

    @Test("An import that fails at any call and is run again ends the same", arguments: 0..<24)
    func faults(_ call: Int) async throws {
        let core = try Self.core(sessions: 20)
        let dump = try core.dump()
        let whole = InMemorySessionStorage()
        try await ImportWorld.run(dump) { _ in whole }
        let expected = try await state(whole, core)
        #expect(expected.sessions.count == 20)
        for fault in [
            FaultyStorage.Fault.before(StorageError(.unavailable, "")), .after(StorageError(.unknownOutcome, "")),
        ] {
            let storage = InMemorySessionStorage()
            let faulty = FaultyStorage(storage) { $0 >= call ? fault : nil }
            do throws(ImportError) {
                try await importing(dump, into: faulty)
                #expect(faulty.callCount <= call, "the fault was swallowed")
            } catch {
                #expect(error.kind == .storage)
            }
            try await ImportWorld.run(dump) { _ in storage }
            #expect(try await state(storage, core) == expected, "call \(call), \(fault)")
        }
    }

    @Test("What a checkpoint names is there, and the rest follows", arguments: [1, 2, 3])
    func checkpoints(_ stopAfter: Int) async throws {
        let core = try Self.core(sessions: Importer.batchSize * 3 + 100)
        let source = ImportWorld.source(try core.dump())
        let storage = InMemorySessionStorage()
        let now = core.now
        let plan = try DumpAnalysis(of: source, now: now).plan()
        let importer = Importer(of: source, now: now) { _ in storage }
        var calls = 0
        var rows = 0
        await #expect(throws: ImportError.self) {
            _ = try await importer.run(plan) { (progress) throws(ImportError) in
                rows = progress.rowsDone
                calls += 1
                if calls > stopAfter { throw ImportError(.storage, "stopped") }
            }
        }
        #expect(rows == stopAfter * Importer.batchSize)
        for session in core.sessions.prefix(rows) { #expect(try await storage.session(session.handle) != nil) }
        let report = try await importer.run(plan, after: rows)
        #expect(report.skippedRows == rows && report.imported == core.sessions.count - rows)
        #expect(try await state(storage, core).sessions.count == core.sessions.count)
    }

    @Test("A session that was used since stays as it is; one that has ended does not come back within a checkpoint")
    func targetWins() async throws {
        let core = try Self.core(sessions: 3)
        let dump = try core.dump()
        let storage = InMemorySessionStorage()
        try await ImportWorld.run(dump) { _ in storage }
        let handle = core.sessions[0].handle
        let moved = StoredTokenHash(stored: String(repeating: "c", count: 64))
        try await storage.update(handle) { record in
            guard var record else { return Decision(.keep, ()) }
            record.currentTokenHash = moved
            return Decision(.replace(record), ())
        }
        _ = try await storage.remove(.handles([core.sessions[1].handle]))
        let report = try await ImportWorld.run(dump, after: 2) { _ in storage }
        #expect(report.skippedRows == 2 && report.alreadyThere == 1 && report.imported == 0)
        #expect(try await storage.session(core.sessions[1].handle) == nil)
        let second = try await ImportWorld.run(dump, after: 0) { _ in storage }
        #expect(second.newerThere == 1 && second.imported == 1)
        #expect(try await storage.session(handle)?.currentTokenHash == moved)
    }

    @Test("A handle that belongs to another session is counted, and that session stays")
    func taken() async throws {
        let core = try Self.core(sessions: 2)
        let storage = InMemorySessionStorage()
        let other = SessionRecord(
            handle: core.sessions[1].handle, tenantID: .public, userID: UserID("somebody else"),
            currentTokenHash: StoredTokenHash(stored: ""), sessionData: .init(stored: "{}"),
            accessTokenPayload: .init(stored: "{}"), createdAt: core.now, expiresAt: core.now, signingKeyKind: .dynamic)
        try await storage.insert(other)
        let report = try await ImportWorld.run(core.dump()) { _ in storage }
        #expect(report.imported == 1)
        #expect(report.refused.entries.keys.map(\.self) == [.handleTaken])
        #expect(try await storage.session(other.handle) == other)
    }

    @Test("A target that has served has its own key and is refused untouched")
    func served() async throws {
        let core = try Self.core(sessions: 2)
        let storage = InMemorySessionStorage()
        _ = try await ImportWorld.service(storage)
        await #expect { try await ImportWorld.run(core.dump()) { _ in storage } } throws: { error in
            (error as? ImportError)?.kind == .targetTaken
        }
        #expect(try await storage.session(core.sessions[0].handle) == nil)
        #expect(try await storage.updateSigningKeys { _ in .none }.isEmpty)
    }

    @Test("A dump that changes between the two readings is noticed")
    func changed() async throws {
        let core = try Self.core(sessions: 2)
        let dump = try core.dump()
        let plan = try ImportWorld.plan(dump)
        let other = ImportWorld.source(dump.replacingOccurrences(of: "Owner: st", with: "Owner: ts"))
        let storage = InMemorySessionStorage()
        let importer = Importer(of: other, now: core.now) { _ in storage }
        await #expect(throws: ImportError.self) { try await importer.run(plan) }
    }
}
