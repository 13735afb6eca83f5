import { ListMultipartUploadsCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3'
import { rethrowAsRefusal } from './storage-refusal'

export interface ListedObject {
  key: string
  modifiedAt: Date
}

export interface ListedMultipartUpload {
  key: string
  multipartId: string
  begunAt: Date
}

/** Cursor of a listing of multipart uploads. */
export interface MultipartUploadCursor {
  key: string
  multipartId: string
}

/** Lists the bucket, page by page, in byte order of the keys. */
export function storageListing(s3: S3Client, bucket: string) {
  return {
    /** Lists objects after the key `after`. */
    async listObjects(prefix: string, after: string, max: number): Promise<{ objects: ListedObject[]; more: boolean }> {
      const from = after === '' ? {} : { StartAfter: after }
      const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: max, ...from })
      const { Contents = [], IsTruncated: more = false } = await s3.send(command).catch(rethrowAsRefusal)
      const objects = Contents.flatMap(({ Key: key, LastModified: modifiedAt }) =>
        key === undefined || modifiedAt === undefined ? [] : [{ key, modifiedAt }],
      )
      return { objects, more }
    },

    /** Lists multipart uploads that were neither completed nor aborted. */
    async listMultipartUploads(
      prefix: string,
      after: MultipartUploadCursor | undefined,
      max: number,
    ): Promise<{ uploads: ListedMultipartUpload[]; next: MultipartUploadCursor | undefined }> {
      const from = after === undefined ? {} : { KeyMarker: after.key, UploadIdMarker: after.multipartId }
      const command = new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, MaxUploads: max, ...from })
      const page = await s3.send(command).catch(rethrowAsRefusal)
      const uploads = (page.Uploads ?? []).flatMap(({ Key: key, UploadId: multipartId, Initiated: begunAt }) =>
        key === undefined || multipartId === undefined || begunAt === undefined ? [] : [{ key, multipartId, begunAt }],
      )
      const { NextKeyMarker: key, NextUploadIdMarker: multipartId } = page
      const hasNext = page.IsTruncated === true && key !== undefined && multipartId !== undefined
      return { uploads, next: hasNext ? { key, multipartId } : undefined }
    },
  }
}
