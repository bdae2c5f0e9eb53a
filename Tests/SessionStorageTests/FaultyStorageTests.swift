import InMemoryStorage
import SessionEngine
import SessionStorage
import SessionStorageTesting
import Testing

@Suite("Storage that fails on demand")
struct FaultyStorageTests {
    private static let error = StorageError(.unavailable, "planned")

    @Test("A fault before the work leaves everything undone")
    func before() async throws {
        let base = InMemorySessionStorage()
        let storage = FaultyStorage(base) { _ in .before(Self.error) }
        await #expect(throws: Self.error) { try await storage.insert(Sample.record("h")) }
        #expect(try await base.session(SessionHandle("h")) == nil)
    }

    @Test("A fault after the work loses only the answer")
    func after() async throws {
        let base = InMemorySessionStorage()
        let storage = FaultyStorage(base) { _ in .after(StorageError(.unknownOutcome, "lost")) }
        await #expect(throws: StorageError(.unknownOutcome, "")) { try await storage.insert(Sample.record("h")) }
        #expect(try await base.session(SessionHandle("h")) == Sample.record("h"))
        await #expect(throws: StorageError.self) { try await storage.remove(.handles([SessionHandle("h")])) }
        #expect(try await base.session(SessionHandle("h")) == nil)
    }

    @Test("Calls are counted from 0 and fail by their number")
    func counts() async throws {
        let storage = FaultyStorage(InMemorySessionStorage()) { $0 == 1 ? .before(Self.error) : nil }
        try await storage.insert(Sample.record("a"))
        await #expect(throws: Self.error) { try await storage.insert(Sample.record("b")) }
        try await storage.insert(Sample.record("b"))
        #expect(storage.callCount == 3)
    }

    @Test("An error of the storage itself comes through")
    func ownErrors() async throws {
        let storage = FaultyStorage(InMemorySessionStorage()) { _ in nil }
        try await storage.insert(Sample.record("h"))
        await #expect(throws: StorageError(.alreadyExists, "")) { try await storage.insert(Sample.record("h")) }
    }

    @Test("Every call can fail")
    func everyCall() async throws {
        let storage = FaultyStorage(InMemorySessionStorage()) { _ in .before(Self.error) }
        let handle = SessionHandle("h")
        await #expect(throws: Self.error) { try await storage.session(handle) }
        await #expect(throws: Self.error) { try await storage.update(handle) { _ in Decision(.keep, ()) } }
        await #expect(throws: Self.error) { try await storage.handles(of: UserID("u"), liveAt: Sample.now) }
        await #expect(throws: Self.error) { try await storage.remove(.handles([handle])) }
        await #expect(throws: Self.error) { try await storage.updateSigningKeys { _ in .none } }
        await #expect(throws: Self.error) { try await storage.value(named: .refreshTokenKey) { "" } }
        #expect(storage.callCount == 6)
    }

    @Test("An error shows its kind to anybody and its detail only for a log")
    func errors() {
        let error = StorageError(.full, "secret path")
        #expect("\(error)" == "storage error: full")
        #expect(String(reflecting: error).contains("secret path"))
        #expect(error == StorageError(.full, "other") && error != StorageError(.corrupt, "secret path"))
    }
}
