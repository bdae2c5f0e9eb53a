import PlatformLibC
import SessionStorage
import TestSupport
import Testing

@testable import SQLiteStorage

@Suite("The file that keeps room")
struct ReserveFileTests {
    private let folder: TemporaryFolder
    private let path: String
    private static let size = 1 << 20

    init() throws {
        folder = try TemporaryFolder()
        path = "\(folder.path)/\(ReserveFile.fileName)"
    }

    private var status: stat {
        var status = stat()
        _ = lstat(path, &status)
        return status
    }

    /// Bytes on the disk, not the length.
    private var blocks: Int { Int(status.st_blocks) * 512 }

    @Test("It takes blocks, not only a length, and nobody else may read it (finding R5)")
    func blocksOnDisk() throws {
        let file = try ReserveFile(path: path, size: Self.size)
        #expect(!file.isWhole && file.missing == Self.size && blocks == 0)
        #expect(file.fill() && file.isWhole && file.missing == 0)
        #expect(blocks >= Self.size && status.st_size == Self.size)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test("It is given back in four parts, and taken again")
    func parts() throws {
        let file = try ReserveFile(path: path, size: Self.size)
        file.fill()
        for part in 1...ReserveFile.parts {
            #expect(file.shrink() && !file.isWhole)
            #expect(blocks <= Self.size / ReserveFile.parts * (ReserveFile.parts - part))
        }
        #expect(!file.shrink())
        #expect(file.fill() && file.isWhole && blocks >= Self.size)
    }

    @Test("What an earlier process left counts, but a hole is filled")
    func earlierProcess() throws {
        do {
            let file = try ReserveFile(path: path, size: Self.size)
            file.fill()
            #expect(file.shrink())
        }
        #expect(try ReserveFile(path: path, size: Self.size).missing == Self.size / 4)
        #expect(truncate(path, 0) == 0 && truncate(path, off_t(2 * Self.size)) == 0)
        #expect(blocks == 0)
        let file = try ReserveFile(path: path, size: Self.size)
        #expect(file.fill() && blocks >= Self.size && status.st_size == Self.size)
    }

    @Test("Without room it keeps what it had")
    func noRoom() throws {
        let file = try ReserveFile(path: path, size: Int(Int64.max / 4))
        #expect(!file.fill() && !file.isWhole)
        #expect(status.st_size == 0 && blocks == 0)
    }

    @Test("A small disk gives a quarter at most, any other the usual size")
    func size() {
        #expect(ReserveFile.size(in: folder.path) == ReserveFile.usualSize)
        #expect(ReserveFile.size(in: "\(folder.path)/missing") == ReserveFile.usualSize)
    }

    /// What may lie at the place of the file, made by somebody else.
    enum Foreign: CaseIterable {
        case symbolicLink, hardLink, folder, pipe

        func make(at path: String, _ target: String) -> Bool {
            switch self {
            case .symbolicLink: symlink(target, path) == 0
            case .hardLink: link(target, path) == 0
            case .folder: mkdir(path, 0o700) == 0
            case .pipe: mkfifo(path, 0o600) == 0
            }
        }
    }

    @Test(
        "A file of another process is not followed, not truncated and not used (finding R5)",
        arguments: Foreign.allCases)
    func foreign(_ kind: Foreign) throws {
        let target = "\(folder.path)/precious"
        let precious = try ReserveFile(path: target, size: 5_000)
        precious.fill()
        #expect(kind.make(at: path, target))
        #expect(throws: StorageError(.unavailable, "")) { try ReserveFile(path: path, size: Self.size) }
        let error = #expect(throws: StorageError.self) { try SQLiteDatabase(folder: folder.path) }
        #expect(error?.detail.contains(ReserveFile.fileName) == true)
        var status = stat()
        #expect(stat(target, &status) == 0 && status.st_size == 5_000)
    }

    @Test("A file of another user is not used", .enabled(if: geteuid() == 0))
    func otherOwner() throws {
        _ = try ReserveFile(path: path, size: Self.size)
        #expect(chown(path, 65_534, 65_534) == 0)
        #expect(throws: StorageError(.unavailable, "")) { try ReserveFile(path: path, size: Self.size) }
    }

    @Test("A database keeps its reserve beside itself")
    func beside() throws {
        let database = try SQLiteDatabase(folder: folder.path)
        #expect(database.missingReserve == 0)
        #expect(blocks >= ReserveFile.usualSize && status.st_mode & 0o777 == 0o600)
    }
}
