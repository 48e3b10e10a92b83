import { expect, test } from 'vitest';
import { NO_BODY, signed } from '../../src/remote/aws/sign.ts';

// "Example: GET Object" of "Signature Calculations for the Authorization Header" in the API
// reference of Amazon S3.
test('a request is signed as the example of S3 has it', () => {
  const added = signed(
    {
      method: 'GET',
      url: new URL('https://examplebucket.s3.amazonaws.com/test.txt'),
      headers: { Range: 'bytes=0-9' },
      bodySha256: NO_BODY,
    },
    {
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    },
    { region: 'us-east-1', service: 's3' },
    new Date('2013-05-24T00:00:00Z'),
  );
  expect(added['authorization']).toBe(
    'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
      'SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, ' +
      'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  );
});
