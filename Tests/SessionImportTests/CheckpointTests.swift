import Foundation
import SessionEngine
import SessionImport
import TestSupport
import Testing

@Suite("Checkpoints")
struct CheckpointTests {
    private static func plan() throws -> ImportPlan {
        var core = try OldCore(.core252)
        try core.signIn("u")
        return try ImportWorld.plan(core.dump())
    }

    @Test("A checkpoint comes back from its file")
    func file() throws {
        let folder = try TemporaryFolder()
        let file = CheckpointFile(folder: folder.path)
        #expect(try file.load() == nil)
        for checkpoint in [
            ImportCheckpoint(fingerprint: "ab/public//dynamic", rowsDone: 512),
            ImportCheckpoint(fingerprint: "x", rowsDone: 7, isFinished: true),
        ] {
            try file.save(checkpoint)
            #expect(try file.load() == checkpoint)
        }
    }

    @Test(
        "A damaged checkpoint is an error and not a fresh start",
        arguments: ["", "tessera import", "tessera import, format 2\nsource a\nrows 1\nstate running\n"])
    func damaged(_ text: String) throws {
        let folder = try TemporaryFolder()
        try Data(text.utf8).write(to: URL(filePath: "\(folder.path)/\(CheckpointFile.fileName)"))
        #expect(throws: ImportError.self) { try CheckpointFile(folder: folder.path).load() }
    }

    @Test("Where an import begins")
    func start() throws {
        let plan = try Self.plan()
        let same = ImportCheckpoint(fingerprint: plan.fingerprint, rowsDone: 1)
        #expect(try ImportCheckpoint.start(of: plan, given: nil) == .after(rows: 0))
        #expect(try ImportCheckpoint.start(of: plan, given: same) == .after(rows: 1))
        var done = same
        done.isFinished = true
        #expect(try ImportCheckpoint.start(of: plan, given: done) == .alreadyDone)
        let other = ImportCheckpoint(fingerprint: "other", isFinished: true)
        #expect(throws: ImportError.self) { try ImportCheckpoint.start(of: plan, given: other) }
    }

    @Test("The fingerprint tells dumps and the ways of reading them apart")
    func fingerprints() throws {
        var core = try OldCore(.core252)
        try core.signIn("u")
        let dump = try core.dump()
        let kept = try ImportWorld.plan(dump, options: ImportOptions(keepsSigningKey: true))
        #expect(try ImportWorld.plan(dump).fingerprint == ImportWorld.plan(dump).fingerprint)
        #expect(try ImportWorld.plan(dump).fingerprint != kept.fingerprint)
        #expect(try ImportWorld.plan(dump + "\n").fingerprint != ImportWorld.plan(dump).fingerprint)
    }

    @Test("Plans print no secrets")
    func printing() throws {
        let plan = try Self.plan()
        let key = try #require(plan.apps.first?.refreshTokenKey?.masterKey)
        var dumped = ""
        dump(plan, to: &dumped)
        for text in ["\(plan)", "\(plan.apps)", dumped, String(reflecting: plan)] {
            #expect(!text.contains(key.suffix(20)))
        }
    }
}
