import PlatformLibC

/// The file in a data folder that holds an ``ImportCheckpoint``.
///
/// It is replaced in one step, so that it is always one whole checkpoint or the one before.
public struct CheckpointFile: Sendable {
    /// The name of the file in its folder.
    public static let fileName = "tessera.import"

    private let folder: String
    private var path: String { "\(folder)/\(Self.fileName)" }

    /// The file of a data folder.
    public init(folder: String) {
        self.folder = folder
    }

    /// The checkpoint; `nil` when nothing was ever imported.
    ///
    /// - Throws: ``ImportError`` when there is a file and it is no checkpoint.
    public func load() throws(ImportError) -> ImportCheckpoint? {
        guard let file = fopen(path, "r") else {
            if errno == ENOENT { return nil }
            throw ImportError(.storage, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = fread(&buffer, 1, buffer.count, file)
        guard let text = String(validating: buffer.prefix(count), as: UTF8.self),
            let checkpoint = ImportCheckpoint(text: text)
        else { throw ImportError(.storage, "\(path) is damaged; import into a fresh data folder") }
        return checkpoint
    }

    /// Makes a checkpoint durable.
    ///
    /// - Throws: ``ImportError`` with ``ImportError/Kind/storage``.
    public func save(_ checkpoint: ImportCheckpoint) throws(ImportError) {
        let temporary = "\(path).new"
        guard let file = fopen(temporary, "w") else { throw failure() }
        var text = checkpoint.text
        let count = text.utf8.count
        let written = text.withUTF8 { fwrite($0.baseAddress, 1, $0.count, file) }
        let isDurable = written == count && fflush(file) == 0 && fsync(fileno(file)) == 0
        guard fclose(file) == 0, isDurable, rename(temporary, path) == 0 else { throw failure() }
    }

    private func failure() -> ImportError {
        ImportError(.storage, "cannot write \(path): \(String(cString: strerror(errno)))")
    }
}
