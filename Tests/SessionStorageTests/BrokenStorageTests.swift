import InMemoryStorage
import SessionStorageTesting
import Testing

@Suite("The conformance suite notices broken storages")
struct BrokenStorageTests {
    @Test("A storage with one defect fails at least one check", arguments: BrokenStorage.Defect.allCases)
    func noticed(_ defect: BrokenStorage.Defect) async throws {
        var failures: [String] = []
        for check in StorageConformance.checks {
            do {
                try await check.run(BrokenStorage(defect: defect))
            } catch {
                failures.append(check.name)
            }
        }
        #expect(!failures.isEmpty, "\(defect) is not noticed")
        #expect(failures.count < StorageConformance.checks.count / 2, "\(defect) breaks everything: \(failures)")
    }

    @Test(
        "A storage that shares two apps' data fails the isolation checks", arguments: StorageConformance.isolationChecks
    )
    func notIsolated(_ check: StorageConformance.IsolationCheck) async throws {
        let shared = InMemorySessionStorage()
        await #expect(throws: (any Error).self) { try await check.run(shared, shared) }
    }
}
