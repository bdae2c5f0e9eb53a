import SQLiteStorage
import SessionEngine
import Synchronization
import TestSupport
import Testing

/// Apart from the others, because the copy of the package in which mutants are planted has no SQLite.
@Suite("Upgrades of anonymous sessions over SQLite (docs/decisions/0044)")
struct UpgradeStorageTests {
    /// Folders that are there until the test has ended.
    private final class Folders: Sendable {
        private let kept = Mutex<[TemporaryFolder]>([])

        func next() throws -> String {
            let folder = try TemporaryFolder()
            kept.withLock { $0.append(folder) }
            return folder.path
        }
    }

    @Test("AN03: an upgrade, its repetition, and what happens beside it", arguments: UpgradeTests.cases)
    func onDisk(one: UpgradeTests.Case) async throws {
        let folders = Folders()
        try await one.run { seed in
            try await World(seed: seed, storage: SQLiteDatabase(folder: folders.next()).storage(of: .public))
        }
        withExtendedLifetime(folders) {}
    }
}
